package revocations

import (
	"errors"
	"time"
)

// Options are the settings of Run.
type Options struct {
	// Verifiers is the number of services that follow the feed.
	Verifiers int
	// Revocations is the number of grants that are revoked, and Rate how
	// many in a second.
	Revocations int
	Rate        float64
	// PollInterval is the setting revocations.poll_interval of the servers.
	PollInterval time.Duration
	// RestartEvery is how often the server of the verifiers is killed and
	// started again. Zero means never.
	RestartEvery time.Duration
	// JSONFile is where Run also writes the report. Empty means nowhere.
	JSONFile string
}

func (o Options) validate() error {
	switch {
	case o.Verifiers < 1 || o.Verifiers > 5000:
		return errors.New("--verifiers must be between 1 and 5000")
	case o.Revocations < 1 || o.Revocations > 100_000:
		return errors.New("--revocations must be between 1 and 100000")
	case o.Rate < 1 || o.Rate > 10_000:
		return errors.New("--rate must be between 1 and 10000")
	case o.PollInterval < 50*time.Millisecond || o.PollInterval > 2*time.Second:
		return errors.New("--poll-interval must be between 50ms and 2s")
	case o.RestartEvery != 0 && (o.RestartEvery < time.Second || o.RestartEvery > time.Minute):
		return errors.New("--restart-every must be 0, or between 1s and 1m")
	}
	return nil
}
