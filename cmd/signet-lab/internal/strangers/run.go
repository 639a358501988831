package strangers

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/memlimit"
	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

const (
	// honestConcurrency is how many logins the honest client refreshes.
	honestConcurrency = 8
	// round is how long the honest client uses its connections before it opens
	// new ones.
	round = time.Second
)

// Run starts an issuer with little memory and lets an honest client refresh
// beside strangers. It prints the report to out and returns it.
func Run(ctx context.Context, o Options, out io.Writer) (Report, error) {
	if err := o.validate(); err != nil {
		return Report{}, err
	}
	group, err := memlimit.New(int64(o.MemoryMiB) << 20)
	if err != nil {
		return Report{}, err
	}
	defer group.Remove()
	bed, err := testbed.NewWithoutPostgres(ctx)
	if err != nil {
		return Report{}, err
	}
	defer bed.Close()

	dir := filepath.Join(bed.Dir, "strangers")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return Report{}, err
	}
	bed.Group = group.Dir
	issuer, err := bed.StartIssuer(ctx, "strangers", "sqlite:"+filepath.Join(dir, "signet.db"))
	if err != nil {
		return Report{}, err
	}
	r, err := o.measure(ctx, issuer.Server)
	if err != nil {
		return Report{}, err
	}
	peak, err := group.Peak()
	if err != nil {
		return Report{}, err
	}
	r.MemoryMiB, r.PeakMiB = o.MemoryMiB, peak>>20
	r.print(out)
	return r, measure.WriteJSON(o.JSONFile, r)
}

// measure lets the honest client refresh beside the strangers.
func (o Options) measure(ctx context.Context, server operation.Server) (Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &strangers{addresses: o.Addresses}
	var attacks sync.WaitGroup
	each := o.StreamsPerConnection
	for _, a := range []attack{
		{connections: o.Streams / each, calls: each, to: server.GRPC, greet: beginCalls(each)},
		{connections: o.Connections / 2, to: server.GRPC, greet: greetIdle},
		{connections: o.Connections - o.Connections/2, to: server.HTTP, greet: greetHTTP},
	} {
		a.over = o.Duration / 2
		attacks.Go(func() { s.attack(ctx, a) })
	}

	r, err := o.refresh(ctx, server)
	r.Open = s.open.Load()
	cancel()
	attacks.Wait()
	s.conns.Wait()
	r.Streams, r.Connections = s.calls.Load(), s.connections.Load()
	return r, err
}

// refresh refreshes over gRPC and over HTTP in turn, with new connections and
// new logins in each round.
func (o Options) refresh(ctx context.Context, server operation.Server) (r Report, err error) {
	server.Connections = 2
	for i, end := 0, time.Now().Add(o.Duration); time.Now().Before(end); i++ {
		name := []string{"refresh", "http-refresh"}[i%2]
		p := load.Profile{Concurrency: honestConcurrency, Rate: o.Rate, Duration: round}
		m, err := measure.Run(ctx, server, name, p, nil)
		if err != nil {
			return r, err
		}
		r.Answered += m.Operations
		r.Failed += m.Errors
		if r.FirstError == "" {
			r.FirstError = m.FirstError
		}
		r.P99MS = max(r.P99MS, m.P99)
	}
	return r, nil
}
