package strangers

import (
	"errors"
	"time"
)

// Options are the settings of Run.
type Options struct {
	// Streams is the number of gRPC calls that the strangers begin, and
	// Connections is the number of idle connections that they open.
	Streams, Connections int
	// StreamsPerConnection is how many calls each of their connections begins.
	StreamsPerConnection int
	// Addresses is the number of addresses of the strangers.
	Addresses int
	// MemoryMiB is the memory of the issuer and its child processes.
	MemoryMiB int
	// Duration is how long the honest client refreshes. The strangers keep
	// their connections as long.
	Duration time.Duration
	// Rate is how many refreshes the honest client starts each second.
	Rate float64
	// JSONFile is where Run also writes the report. Empty means nowhere.
	JSONFile string
}

func (o Options) validate() error {
	switch {
	case o.Streams < 0 || o.Streams > 1_000_000 || o.Connections < 0 || o.Connections > 100_000:
		return errors.New("--streams must be between 0 and 1000000, and --connections between 0 and 100000")
	case o.StreamsPerConnection < 1 || o.StreamsPerConnection > 10_000:
		return errors.New("--streams-per-connection must be between 1 and 10000")
	case o.Addresses < 1 || o.Addresses > 200:
		return errors.New("--addresses must be between 1 and 200")
	case o.MemoryMiB < 64 || o.MemoryMiB > 1<<20:
		return errors.New("--memory must be between 64 and 1048576")
	case o.Duration < time.Second || o.Duration > time.Hour:
		return errors.New("--duration must be between 1s and 1h")
	case o.Rate <= 0 || o.Rate > 10_000:
		return errors.New("--rate must be more than 0 and at most 10000")
	}
	return nil
}
