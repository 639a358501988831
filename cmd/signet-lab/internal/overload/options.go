package overload

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

// Options are the settings of Run.
type Options struct {
	// Clients is the number of clients. Each has one login.
	Clients int
	// CPUs is the limit of the issuer's processor time, such as 0.5.
	CPUs float64
	// Duration is how long the clients refresh.
	Duration time.Duration
	// Algorithm signs the access tokens.
	Algorithm string
	// Leeway is the clients' leeway.
	Leeway time.Duration
	// Postgres selects a durable Postgres as the store. Otherwise it is SQLite.
	Postgres bool
	// JSONFile is where Run also writes the reports. Empty means nowhere.
	JSONFile string
}

func (o Options) validate() error {
	switch {
	case o.Clients < 1 || o.Clients > 10_000:
		return errors.New("--clients must be between 1 and 10000")
	case o.CPUs < .01 || o.CPUs > 64:
		return errors.New("--cpus must be between 0.01 and 64")
	case o.Duration < time.Second || o.Duration > time.Hour:
		return errors.New("--duration must be between 1s and 1h")
	case o.Leeway < 0 || o.Leeway > time.Minute:
		return errors.New("--leeway must be between 0s and 1m")
	case !slices.Contains(testbed.Algorithms(), o.Algorithm):
		return fmt.Errorf("--algorithm must be one of %v", testbed.Algorithms())
	}
	return nil
}
