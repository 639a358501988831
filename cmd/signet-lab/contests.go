package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// crowd is how many calls are in flight where many are.
const crowd = 64

// A hall is the stage with the issuers that the contests call.
type hall struct {
	*table
	*stage
	shared, alone, file *issuer
}

// contests are the rows of the table.
func (t *table) contests(ctx context.Context, s *stage) ([]contest, error) {
	database, err := s.database(ctx, "signet")
	if err != nil {
		return nil, err
	}
	h := &hall{table: t, stage: s}
	if h.shared, err = s.issuer(ctx, "shared", database, target{}); err != nil {
		return nil, err
	}
	if h.alone, err = s.issuer(ctx, "alone", database, h.shared.target, "SIGNET_STORE_COALESCE=false"); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(s.dir, "file"), 0o700); err != nil {
		return nil, err
	}
	if h.file, err = s.issuer(ctx, "file", "sqlite:"+filepath.Join(s.dir, "file", "signet.db"), target{}); err != nil {
		return nil, err
	}
	if err := s.sql(ctx, database, strings.Split(makeRotation, ";\n")...); err != nil {
		return nil, err
	}
	if err := s.startReference(ctx, h.shared); err != nil {
		return nil, err
	}
	all := h.refreshes()
	all = append(all, h.signatures()...)
	all = append(all, h.logins()...)
	return append(all, h.sizes()...), nil
}

// side is one kind of load on one target.
type side struct {
	at        *target
	operation string
	inFlight  int
	audience  string
	of        func(report) float64
}

// on returns what measures a load once.
func (h *hall) on(s side) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		at := *s.at
		if s.audience != "" {
			at.audience = s.audience
		}
		r, err := measure(ctx, at, s.operation, h.load(s.inFlight), nil)
		if err != nil {
			return 0, err
		}
		if r.Errors > 0 {
			return 0, fmt.Errorf("%s: %d errors: %s", s.operation, r.Errors, r.FirstError)
		}
		if s.of == nil {
			return r.Rate, nil
		}
		return s.of(r), nil
	}
}

// load is that of one turn.
func (h *hall) load(inFlight int) load {
	return load{inFlight: inFlight, warmUp: h.warmUp / turns, duration: h.turn()}
}

func (h *hall) turn() time.Duration { return h.duration / turns }

func p50(r report) float64 { return r.P50 }

func (h *hall) refresh(i *issuer, inFlight int) func(context.Context) (float64, error) {
	return h.on(side{at: &i.target, operation: "refresh", inFlight: inFlight})
}

// rotations is pgbench with so many clients.
func (h *hall) rotations(clients int) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		rate, _, err := h.pgbench(ctx, h.shared.store, clients, h.turn())
		return rate, err
	}
}

func (h *hall) refreshes() []contest {
	return []contest{
		{
			name: "gRPC Refresh, EdDSA, 64 in flight : pgbench, one rotation statement, 32 clients", unit: "/s", bound: .9,
			ours: h.refresh(h.shared, crowd), limit: h.rotations(32),
		},
		{
			name: "Refresh coalesced : one statement each, 64 in flight", unit: "/s", bound: 2,
			ours: h.refresh(h.shared, crowd), limit: h.refresh(h.alone, crowd),
		},
		{
			name: "Refresh coalesced : one statement each, 8 in flight", unit: "/s", bound: .95,
			ours: h.refresh(h.shared, 8), limit: h.refresh(h.alone, 8),
		},
		{
			name: "Refresh, one in flight, p50 : pgbench, 1 client, average + raw signature + echo p50", unit: "ms", bound: 1.5, atMost: true,
			ours:  h.on(side{at: &h.shared.target, operation: "refresh", inFlight: 1, of: p50}),
			limit: h.onePiece,
		},
		{
			name: "Refresh on SQLite, synchronous=FULL, 64 in flight : one-row transactions of the driver", unit: "/s", bound: 4,
			ours: h.refresh(h.file, crowd), limit: perSecond("internal/sqlite", "OneRowTransaction"),
		},
		h.many(),
	}
}

// onePiece is what a lone refresh cannot do without, one after the other.
func (h *hall) onePiece(ctx context.Context) (float64, error) {
	_, statement, err := h.pgbench(ctx, h.shared.store, 1, h.turn())
	if err != nil {
		return 0, err
	}
	signature, err := rawEdDSA(h.turn() / 2)
	if err != nil {
		return 0, err
	}
	echo, err := h.echo(ctx)
	return statement + signature + echo, err
}

// echo is the median of a call that is answered as it was asked, in milliseconds.
func (h *hall) echo(ctx context.Context) (float64, error) {
	at := h.bare
	at.open(1)
	defer at.close()
	request := &signetv1.RefreshRequest{RefreshToken: filler[:90], IdempotencyKey: rand.Text()}
	r := h.load(1).run(ctx, []worker{func(ctx context.Context) (time.Duration, error) {
		return timed(func() error {
			_, err := at.calls.Refresh(ctx, request)
			return err
		})
	}})
	if r.Errors > 0 {
		return 0, fmt.Errorf("echo: %s", r.FirstError)
	}
	return float64(r.quantile(.5)) / float64(time.Millisecond), nil
}

// perSecond is the rate of a Go benchmark.
func perSecond(pkg, name string) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		ns, _, err := goBench(ctx, pkg, name)
		return 1e9 / ns, err
	}
}

func (h *hall) signatures() []contest {
	rsa := func(context.Context) (float64, error) { return rawRSA(h.turn()) }
	return []contest{
		{
			name: "gRPC Mint, EdDSA, 64 in flight : a raw signature behind the same gRPC server", unit: "/s", bound: .9,
			ours:  h.on(side{at: &h.shared.target, operation: "mint", inFlight: crowd}),
			limit: h.on(side{at: &h.reference, operation: "mint", inFlight: crowd}),
		},
		{
			name: "gRPC Mint, EdDSA, 64 in flight : a raw signature behind a bare gRPC server", unit: "/s",
			ours:  h.on(side{at: &h.shared.target, operation: "mint", inFlight: crowd}),
			limit: h.on(side{at: &h.bare, operation: "mint", inFlight: crowd}),
		},
		{
			name: "token assembly in process : raw signature", unit: "/s", bound: .9,
			ours: perSecond("internal/token", "SignAccess"), limit: perSecond("internal/token", "RawSignature"),
		},
		{
			name: "allocations of token assembly", unit: "", bound: 2, atMost: true, once: true,
			ours: func(ctx context.Context) (float64, error) {
				_, allocs, err := goBench(ctx, "internal/token", "SignAccess")
				return allocs, err
			},
		},
		{
			name: "gRPC Mint, RS256, 64 in flight : raw RSA-2048 signatures on all cores", unit: "/s", bound: .85,
			ours:  h.on(side{at: &h.shared.target, operation: "mint", inFlight: crowd, audience: stageRS256}),
			limit: rsa,
		},
		{
			name: "gRPC Refresh, RS256, 64 in flight : raw RSA-2048 signatures on all cores", unit: "/s", bound: .85,
			ours:  h.on(side{at: &h.shared.target, operation: "refresh", inFlight: crowd, audience: stageRS256}),
			limit: rsa,
		},
		{
			name: "JWK Set over HTTP, 64 in flight : bare net/http handler", unit: "/s", bound: .9,
			ours:  h.on(side{at: &h.shared.target, operation: "jwks", inFlight: crowd}),
			limit: h.on(side{at: &h.reference, operation: "jwks", inFlight: crowd}),
		},
	}
}

func (h *hall) logins() []contest {
	beside := func(disturb func(context.Context) error) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) { return h.quantileBeside(ctx, disturb) }
	}
	without := beside(func(context.Context) error { return nil })
	return []contest{
		{
			name: "gRPC Login, EdDSA, 8 in flight : bare argon2id on the cores that hashing has", unit: "/s", bound: .95,
			ours:  h.on(side{at: &h.shared.target, operation: "login", inFlight: 8}),
			limit: func(context.Context) (float64, error) { return bareArgon2id(h.turn()) },
		},
		{
			name: "Refresh, 500/s, p99 during 500 bad logins a second : without", unit: "ms", bound: 2, atMost: true, whole: true,
			ours:  beside(func(ctx context.Context) error { return h.besiege(ctx, h.shared.target) }),
			limit: without,
		},
		{
			name: "Refresh, 500/s, p99 beside bare argon2id in another program, without any login : without", unit: "ms", whole: true,
			ours: beside(hashElsewhere), limit: without,
		},
	}
}

// quantileBeside returns the p99 of 500 refreshes a second while something disturbs them, until its ctx ends.
func (h *hall) quantileBeside(ctx context.Context, disturb func(context.Context) error) (float64, error) {
	disturbed, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- disturb(disturbed) }()
	r, err := measure(ctx, h.shared.target, "refresh", load{inFlight: 16, rate: 500, warmUp: h.warmUp, duration: h.duration}, nil)
	stop()
	if wrong := <-ended; err == nil {
		err = wrong
	}
	return r.P99, err
}

// besiege guesses 500 times a second until ctx ends, each time as somebody else and from elsewhere, so that no throttle stops it.
func (*hall) besiege(ctx context.Context, at target) error {
	at.open(crowd)
	defer at.close()
	guess := func(ctx context.Context) (time.Duration, error) {
		var ip [16]byte
		copy(ip[:], rand.Text())
		ip[0] = 0x20
		r := &signetv1.LoginRequest{
			Username: "nobody-" + rand.Text(), Password: "a wrong password", EndUser: &signetv1.EndUser{Ip: netip.AddrFrom16(ip).String()},
		}
		return timed(func() error {
			_, err := at.calls.Login(ctx, r)
			return err
		})
	}
	workers := make([]worker, 8*crowd)
	for i := range workers {
		workers[i] = guess
	}
	r := load{rate: 500, duration: maxDuration}.run(ctx, workers)
	if r.Operations > 0 {
		return fmt.Errorf("%d bad logins succeeded", r.Operations)
	}
	return nil
}
