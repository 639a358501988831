package table

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/baseline"
	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func (s *suite) loginComparisons() []comparison {
	p99During := func(background func(context.Context) error) measurement {
		return func(ctx context.Context) (float64, error) { return s.refreshP99During(ctx, background) }
	}
	undisturbed := p99During(func(context.Context) error { return nil })

	return []comparison{
		{
			name: "gRPC Login, EdDSA, 8 concurrent : bare argon2id on the cores that hash passwords",
			unit: "/s", bound: .95,
			measured: s.run(workload{server: s.coalescing.Server, operation: "login", concurrency: 8}),
			limit:    func(context.Context) (float64, error) { return baseline.Argon2idHashes(s.turn()), nil },
		},
		{
			name: "Refresh, 500/s, p99 during 500 invalid logins a second : without them",
			unit: "ms", bound: 2, atMost: true, whole: true,
			measured: p99During(s.sendInvalidLogins), limit: undisturbed,
		},
		{
			name: "Refresh, 500/s, p99 during bare argon2id in another process, no logins : without it",
			unit: "ms", whole: true,
			measured: p99During(baseline.Argon2idInProcess), limit: undisturbed,
		},
	}
}

// refreshP99During returns the p99 latency, in milliseconds, of 500 refreshes a
// second while background runs. Then it cancels the context of background.
func (s *suite) refreshP99During(ctx context.Context, background func(context.Context) error) (float64, error) {
	backgroundCtx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- background(backgroundCtx) }()

	p := load.Profile{Concurrency: 16, Rate: 500, WarmUp: s.WarmUp, Duration: s.Duration}
	r, err := measure.Run(ctx, s.coalescing.Server, "refresh", p, nil)
	stop()
	if backgroundErr := <-ended; err == nil {
		err = backgroundErr
	}
	return r.P99, err
}

// sendInvalidLogins sends 500 logins a second until ctx ends. Each has another
// user name and another address, so that no attempt limit applies.
func (s *suite) sendInvalidLogins(ctx context.Context) error {
	c := s.coalescing.Connect(highConcurrency)
	defer c.Close()
	login := func(ctx context.Context) (time.Duration, error) {
		var ip [16]byte
		copy(ip[:], rand.Text())
		ip[0] = 0x20 // a global unicast address
		r := &signetv1.LoginRequest{
			Username: "nobody-" + rand.Text(), Password: "a wrong password",
			EndUser: &signetv1.EndUser{Ip: netip.AddrFrom16(ip).String()},
		}
		return load.Time(func() error {
			_, err := c.TokenService.Login(ctx, r)
			return err
		})
	}

	workers := make([]load.Worker, 8*highConcurrency)
	for i := range workers {
		workers[i] = login
	}
	r := load.Profile{Rate: 500, Duration: load.MaxDuration}.Run(ctx, workers)
	if r.Operations > 0 {
		return fmt.Errorf("%d invalid logins succeeded", r.Operations)
	}
	return nil
}
