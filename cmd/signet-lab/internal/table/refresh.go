package table

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/baseline"
	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func (s *suite) refreshComparisons() []comparison {
	connections := s.coalescing.Server
	connections.Connections = highConcurrency
	introspections := func(i *testbed.Issuer, name string) measurement {
		return s.run(workload{server: i.Server, operation: name, concurrency: highConcurrency})
	}
	overConnections := s.run(workload{server: connections, operation: "refresh", concurrency: highConcurrency})

	return []comparison{
		{
			name: "gRPC Refresh, EdDSA, 64 concurrent : pgbench, one rotation statement, 32 clients",
			unit: "/s", bound: .9,
			measured: s.refreshRate(s.coalescing, highConcurrency), limit: s.pgbenchRate(32),
		},
		{
			name: "Refresh coalesced : one statement each, 64 concurrent", unit: "/s", bound: 2,
			measured: s.refreshRate(s.coalescing, highConcurrency), limit: s.refreshRate(s.separate, highConcurrency),
		},
		{
			name: "Refresh coalesced : one statement each, 8 concurrent", unit: "/s", bound: .95,
			measured: s.refreshRate(s.coalescing, 8), limit: s.refreshRate(s.separate, 8),
		},
		{
			name: "Refresh, one at a time, p50 : pgbench, 1 client, average + raw signature + echo p50",
			unit: "ms", bound: 1.5, atMost: true,
			measured: s.run(workload{
				server: s.coalescing.Server, operation: "refresh", concurrency: 1,
				figure: func(r measure.Report) float64 { return r.P50 },
			}),
			limit: s.refreshLatencyLimit,
		},
		{
			name: "Refresh on SQLite, synchronous=FULL, 64 concurrent : one-row transactions of the driver",
			unit: "/s", bound: 4,
			measured: s.refreshRate(s.sqlite, highConcurrency),
			limit:    benchmarkRate("internal/sqlite", "OneRowTransaction"),
		},
		{
			name: "gRPC Refresh, 64 concurrent on 64 connections : on one connection", unit: "/s",
			measured: overConnections, limit: s.refreshRate(s.coalescing, highConcurrency),
		},
		{
			name: "HTTP refresh, EdDSA, 64 concurrent : gRPC Refresh, 64 concurrent on 64 connections", unit: "/s",
			measured: s.run(workload{
				server: s.coalescing.Server, operation: "http-refresh", concurrency: highConcurrency,
			}),
			limit: overConnections,
		},
		{
			name: "gRPC Introspect of refresh tokens, 64 concurrent : one statement each", unit: "/s", bound: 1.4,
			measured: introspections(s.coalescing, "introspect-grant"),
			limit:    introspections(s.separate, "introspect-grant"),
		},
		{
			name: "gRPC Introspect of access tokens, EdDSA, 64 concurrent : one statement each", unit: "/s",
			measured: introspections(s.coalescing, "introspect"), limit: introspections(s.separate, "introspect"),
		},
		s.manyGrantsComparison(),
	}
}

// pgbenchRate returns a measurement of pgbench's transactions per second.
func (s *suite) pgbenchRate(clients int) measurement {
	return func(ctx context.Context) (float64, error) {
		rate, _, err := baseline.PGBench(ctx, s.bed.Dir, s.coalescing.StoreURL, clients, s.turn())
		return rate, err
	}
}

// refreshLatencyLimit measures the necessary parts of a single refresh and
// returns the sum of their latencies in milliseconds: the statement, the
// signature and the gRPC call.
func (s *suite) refreshLatencyLimit(ctx context.Context) (float64, error) {
	_, statement, err := baseline.PGBench(ctx, s.bed.Dir, s.coalescing.StoreURL, 1, s.turn())
	if err != nil {
		return 0, err
	}
	signature, err := baseline.Ed25519Milliseconds(s.turn() / 2)
	if err != nil {
		return 0, err
	}
	call, err := s.echoLatency(ctx)
	return statement + signature + call, err
}

// echoLatency returns the median latency, in milliseconds, of a gRPC call whose
// response repeats the request.
func (s *suite) echoLatency(ctx context.Context) (float64, error) {
	c := s.bed.BareReference.Connect(1)
	defer c.Close()
	request := &signetv1.RefreshRequest{RefreshToken: baseline.AccessToken[:90], IdempotencyKey: rand.Text()}
	r := s.profile(1).Run(ctx, []load.Worker{func(ctx context.Context) (time.Duration, error) {
		return load.Time(func() error {
			_, err := c.TokenService.Refresh(ctx, request)
			return err
		})
	}})
	if r.Errors > 0 {
		return 0, fmt.Errorf("echo: %s", r.FirstError)
	}
	return float64(r.Quantile(.5)) / float64(time.Millisecond), nil
}
