package table

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/baseline"
	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

// highConcurrency is the number of concurrent calls in the rows that measure
// throughput.
const highConcurrency = 64

// leewayRS256 is the leeway of the client whose tokens are signed with RS256.
const leewayRS256 = 10 * time.Second

// A suite has the servers that the comparisons call.
type suite struct {
	Options
	bed *testbed.Testbed
	// coalescing and separate use the same Postgres. In the first,
	// concurrent requests share a statement; in the second, each request has
	// its own.
	coalescing, separate *testbed.Issuer
	sqlite               *testbed.Issuer
	// rs256 calls coalescing in the name of a client whose tokens are signed
	// with RS256. The tokens of the other clients are signed with EdDSA.
	rs256 operation.Server
}

// newSuite starts the servers.
func newSuite(ctx context.Context, o Options, bed *testbed.Testbed) (*suite, error) {
	database, err := bed.CreateDatabase(ctx, "signet")
	if err != nil {
		return nil, err
	}
	s := &suite{Options: o, bed: bed}
	if s.coalescing, err = bed.StartIssuer(ctx, "coalescing", database); err != nil {
		return nil, err
	}
	s.rs256, err = bed.CreateClient(ctx, "coalescing", s.coalescing, "RS256", leewayRS256)
	if err != nil {
		return nil, err
	}
	s.separate, err = bed.StartSecondIssuer(ctx, "separate", s.coalescing, "SIGNET_STORE_COALESCE=false")
	if err != nil {
		return nil, err
	}

	dir := filepath.Join(bed.Dir, "sqlite")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if s.sqlite, err = bed.StartIssuer(ctx, "sqlite", "sqlite:"+filepath.Join(dir, "signet.db")); err != nil {
		return nil, err
	}

	if err := testbed.Exec(ctx, database, baseline.CreateRotationTable...); err != nil {
		return nil, err
	}
	return s, bed.StartReference(ctx, s.coalescing)
}

// turn is how long each side of a comparison is measured in one turn.
func (s *suite) turn() time.Duration { return s.Duration / turns }

// profile is the load of one turn.
func (s *suite) profile(concurrency int) load.Profile {
	return load.Profile{Concurrency: concurrency, WarmUp: s.WarmUp / turns, Duration: s.turn()}
}

// wholeProfile is the load of a round that cannot be divided into turns.
func (s *suite) wholeProfile() load.Profile {
	return load.Profile{Concurrency: highConcurrency, WarmUp: s.WarmUp, Duration: s.Duration}
}

// A workload is one operation in a closed loop.
type workload struct {
	server      operation.Server
	operation   string
	concurrency int
	// duration is the shortest time that shows something. A longer one of the
	// suite counts.
	duration time.Duration
	// figure selects the figure of the report. Nil means the rate.
	figure func(measure.Report) float64
}

// run returns a measurement of a workload. Any failed operation is an error.
func (s *suite) run(w workload) measurement {
	return func(ctx context.Context) (float64, error) {
		p := s.profile(w.concurrency)
		p.Duration = max(p.Duration, w.duration)
		r, err := measure.Run(ctx, w.server, w.operation, p, nil)
		if err != nil {
			return 0, err
		}
		if r.Errors > 0 {
			return 0, fmt.Errorf("%s: %d errors: %s", w.operation, r.Errors, r.FirstError)
		}
		if w.figure == nil {
			return r.Rate, nil
		}
		return w.figure(r), nil
	}
}

// refreshRate returns a measurement of refreshes per second.
func (s *suite) refreshRate(i *testbed.Issuer, concurrency int) measurement {
	return s.run(workload{server: i.Server, operation: "refresh", concurrency: concurrency})
}

// benchmarkRate returns a measurement of the operations per second of a Go
// benchmark.
func benchmarkRate(pkg, name string) measurement {
	return func(ctx context.Context) (float64, error) {
		ns, _, err := baseline.GoBenchmark(ctx, pkg, name)
		return 1e9 / ns, err
	}
}
