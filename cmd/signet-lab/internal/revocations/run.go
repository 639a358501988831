package revocations

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

const (
	// concurrency is how many grants are created at the same time.
	concurrency = 16
	// limit is how long a verifier may take. It is longer than a restart.
	limit = 15 * time.Second
)

// Run starts two servers on one durable Postgres. It revokes grants at the
// first one, while verifiers follow the feed of the second one. It prints the
// report to out and returns it.
func Run(ctx context.Context, o Options, out io.Writer) (Report, error) {
	if err := o.validate(); err != nil {
		return Report{}, err
	}
	bed, err := testbed.New(ctx)
	if err != nil {
		return Report{}, err
	}
	defer bed.Close()
	database, err := bed.CreateDatabase(ctx, "revocations")
	if err != nil {
		return Report{}, err
	}
	settings := []string{"SIGNET_REVOCATIONS_POLL_INTERVAL=" + o.PollInterval.String()}
	first, err := bed.StartIssuer(ctx, "first", database, settings...)
	if err != nil {
		return Report{}, err
	}
	second, err := bed.StartSecondIssuer(ctx, "second", first, settings...)
	if err != nil {
		return Report{}, err
	}

	x := &experiment{Options: o, bed: bed, settings: settings, first: first, second: second}
	r, err := x.run(ctx)
	if err == nil {
		r.print(out)
		err = measure.WriteJSON(o.JSONFile, r)
	}
	return r, err
}

// An experiment has the servers and verifiers of one Run.
type experiment struct {
	Options
	bed           *testbed.Testbed
	settings      []string
	first, second *testbed.Issuer
	verifiers     verifiers
	times         times
	restarts      int
}

func (x *experiment) run(ctx context.Context) (Report, error) {
	x.verifiers.server.Store(&x.second.HTTP)
	defer x.verifiers.close()
	if err := x.verifiers.start(ctx, x.Verifiers, testbed.Identifier, x.first.Audience); err != nil {
		return Report{}, err
	}
	servers := []measure.Process{{Name: "first", PID: x.first.PID}, {Name: "second", PID: x.second.PID}}
	before, err := measure.ProcessTimes(servers)
	if err != nil {
		return Report{}, err
	}

	begin := time.Now()
	restarting, stop := context.WithCancel(ctx)
	var restarts sync.WaitGroup
	restarts.Go(func() { x.restart(restarting) })
	err = x.revokeAll(ctx)
	took := time.Since(begin)
	stop()
	restarts.Wait()
	if err != nil {
		return Report{}, err
	}

	r := Report{
		Verifiers: x.Verifiers, Revocations: x.Revocations, Rate: float64(x.Revocations) / took.Seconds(),
		Restarts: x.restarts,
	}
	if x.restarts == 0 {
		after, err := measure.ProcessTimes(servers)
		if err != nil {
			return Report{}, err
		}
		used := after["first"] - before["first"] + after["second"] - before["second"]
		r.CPU = 100 * used.Seconds() / took.Seconds()
	}
	return x.times.report(r), nil
}

// revokeAll revokes grants at the first server, in the given rate.
func (x *experiment) revokeAll(ctx context.Context) error {
	conn := x.first.Connect(concurrency)
	defer conn.Close()
	calls, ctx := errgroup.WithContext(ctx)
	calls.SetLimit(max(concurrency, int(2*x.Rate))) // those that wait for the verifiers
	turns := make(chan struct{}, concurrency)
	due := time.NewTicker(time.Duration(float64(time.Second) / x.Rate))
	defer due.Stop()
	for range x.Revocations {
		select {
		case <-due.C:
		case <-ctx.Done():
			return calls.Wait()
		}
		calls.Go(func() error { return x.revoke(ctx, conn, turns) })
	}
	return calls.Wait()
}

// revoke creates a grant, revokes it, and waits until all verifiers refuse its
// access token. turns bounds the calls in progress.
func (x *experiment) revoke(ctx context.Context, conn *operation.Connection, turns chan struct{}) error {
	turns <- struct{}{}
	minted, err := conn.TokenService.Mint(ctx, &signetv1.MintRequest{
		Audience: []string{x.first.Audience}, Subject: "lab-" + rand.Text(), Refresh: true,
	})
	<-turns
	if err != nil {
		return fmt.Errorf("create a grant: %w", err)
	}
	token := minted.GetTokens()[0].GetAccessToken()
	claims, err := x.verifiers.all[0].Verify(ctx, token)
	if err != nil {
		return fmt.Errorf("verify a token that is not revoked: %w", err)
	}

	begin := time.Now()
	refusals := x.verifiers.watch(ctx, claims, begin)
	turns <- struct{}{}
	_, err = conn.TokenService.Revoke(ctx, &signetv1.RevokeRequest{Token: token})
	revoked := time.Now()
	<-turns
	if err != nil {
		return fmt.Errorf("revoke a grant: %w", err)
	}
	each, missed := refusals.wait(ctx, begin, revoked, limit)
	x.times.add(each, missed)
	return ctx.Err()
}

// restart kills the second server and starts it again, until ctx ends.
func (x *experiment) restart(ctx context.Context) {
	if x.RestartEvery == 0 {
		return
	}
	due := time.NewTicker(x.RestartEvery)
	defer due.Stop()
	for {
		select {
		case <-due.C:
		case <-ctx.Done():
			return
		}
		if err := syscall.Kill(x.second.PID, syscall.SIGKILL); err != nil {
			return
		}
		second, err := x.bed.StartSecondIssuer(context.WithoutCancel(ctx), "second", x.first, x.settings...)
		if err != nil {
			return // the verifiers miss all later revocations
		}
		x.restarts++
		x.second = second
		x.verifiers.server.Store(&second.HTTP)
	}
}
