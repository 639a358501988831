package revocations

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signetd/signet/verify"
)

// bound is the policy of the verifiers: they refuse all tokens if their
// revocations are older.
const bound = 5 * time.Second

// verifiers are services that follow the feed of one server.
type verifiers struct {
	all []*verify.Verifier
	// server is the address of the server. All verifiers connect to it,
	// whatever the host of the issuer identifier is.
	server atomic.Pointer[string]
}

// start starts n verifiers of an issuer.
func (v *verifiers) start(ctx context.Context, n int, issuer, audience string) error {
	v.all = make([]*verify.Verifier, n)
	calls, ctx := errgroup.WithContext(ctx)
	calls.SetLimit(16)
	for i := range v.all {
		calls.Go(func() (err error) {
			v.all[i], err = verify.New(ctx, issuer, verify.Options{
				Audience: audience, Revocation: verify.FailClosed(bound),
				HTTP: &http.Client{Transport: &http.Transport{DialContext: v.dial}}, Log: slog.New(slog.DiscardHandler),
			})
			return err
		})
	}
	return calls.Wait()
}

func (v *verifiers) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, *v.server.Load())
}

func (v *verifiers) close() {
	for _, one := range v.all {
		if one != nil {
			one.Close()
		}
	}
}

// refusals waits for the refusal of one token by all verifiers.
type refusals struct {
	at   []atomic.Int64 // when each verifier refused it, in nanoseconds since begin
	left atomic.Int64
	done chan struct{}
	stop []func()
}

// watch begins to wait. begin is the origin of the times.
func (v *verifiers) watch(ctx context.Context, claims *verify.Claims, begin time.Time) *refusals {
	r := &refusals{at: make([]atomic.Int64, len(v.all)), done: make(chan struct{})}
	r.left.Store(int64(len(v.all)))
	for i, one := range v.all {
		while, stop := one.While(ctx, claims)
		detach := context.AfterFunc(while, func() {
			if !errors.Is(context.Cause(while), verify.ErrRevoked) {
				return
			}
			r.at[i].Store(int64(time.Since(begin)))
			if r.left.Add(-1) == 0 {
				close(r.done)
			}
		})
		r.stop = append(r.stop, func() { detach(); stop() })
	}
	return r
}

// wait returns how long each verifier took after the token was revoked, and how
// many did not refuse it within the limit.
func (r *refusals) wait(ctx context.Context, begin, revoked time.Time, limit time.Duration) (
	each []time.Duration, missed int,
) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-r.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	for _, stop := range r.stop {
		stop()
	}
	for i := range r.at {
		at := time.Duration(r.at[i].Load())
		if at == 0 {
			missed++
			continue
		}
		each = append(each, max(0, at-revoked.Sub(begin)))
	}
	return each, missed
}
