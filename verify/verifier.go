package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

// A Verifier verifies the access tokens of one issuer for one audience. Its
// methods may be called by several goroutines.
type Verifier struct {
	issuer *url.URL
	// identifier is the issuer identifier, which every token has.
	identifier string
	options    Options
	now        func() time.Time // the wall clock

	transport    *transport
	keys         *keyStore
	feed         *feed         // nil without a Policy
	introspector *introspector // nil unless the Policy is Introspect
	watches      watches
	tasks        *tasks
}

// New returns a Verifier for the tokens of an issuer. It fetches the metadata,
// the keys and the revocations, and tries again until it has them or ctx ends,
// so that the issuer may start after this service. With FailOpen and
// Introspect, it waits for the revocations as long as the policy allows, and at
// most ten seconds.
//
// It returns an error at once if the options are not valid, if the metadata are
// those of another issuer, or if they lack an endpoint that the policy needs.
//
// The issuer identifier begins with https, except on a loopback address.
func New(ctx context.Context, issuer string, options Options) (*Verifier, error) {
	return newVerifier(ctx, issuer, options, time.Now)
}

func newVerifier(ctx context.Context, issuer string, o Options, now func() time.Time) (*Verifier, error) {
	u, err := parseIssuer(issuer)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if o, err = o.complete(); err != nil {
		return nil, fmt.Errorf("verify: invalid options: %w", err)
	}

	v := &Verifier{
		issuer: u, identifier: issuer, options: o, now: now,
		transport: newTransport(o.HTTP, o.Client.ID, o.Client.Secret), tasks: newTasks(),
	}
	if err := v.begin(ctx); err != nil {
		v.Close()
		return nil, fmt.Errorf("verify: %w", err)
	}
	return v, nil
}

// begin fetches everything and starts what keeps it up to date.
func (v *Verifier) begin(ctx context.Context) error {
	var m metadata
	err := retry(ctx, v.options.Log, func() (err error) {
		if m, err = v.transport.fetchMetadata(ctx, v.issuer); err == nil {
			err = v.checkEndpoints(m)
		}
		return err
	})
	if err != nil {
		return err
	}

	v.keys = newKeyStore(v.transport, m.JWKSURI, v.options.Log, v.tasks)
	if err := retry(ctx, v.options.Log, func() error { return v.keys.load(ctx) }); err != nil {
		return err
	}
	v.tasks.start(v.keys.run)
	if v.options.Revocation.mode == introspect {
		v.introspector = newIntrospector(v.transport, m.Introspection, v.tasks)
	}
	if v.options.Revocation.mode == noFeed {
		v.watches.table = new(revocation.Table)
		return nil
	}
	v.feed = newFeed(v.transport, m.Revocations, v.keys, v.identifier, v.options, v.now)
	v.feed.watches = &v.watches
	v.watches.table = &v.feed.table
	switch p := v.options.Revocation; p.mode {
	case failClosed:
		v.watches.maxAge = p.bound
	case introspect:
		v.watches.maxAge, v.watches.asked = p.bound, true
	}
	v.tasks.start(func() { v.feed.run(v.tasks.ctx) })
	return v.awaitFeed(ctx)
}

// checkEndpoints returns an error if the metadata lack what the policy needs.
func (v *Verifier) checkEndpoints(m metadata) error {
	switch p := v.options.Revocation; {
	case p.mode != noFeed && m.Revocations == "":
		return fmt.Errorf("%w: revocations_endpoint is missing: the issuer has no feed of revocations", errMetadata)
	case p.mode == introspect && m.Introspection == "":
		return fmt.Errorf("%w: introspection_endpoint is missing", errMetadata)
	}
	return nil
}

// maxAwait is how long New waits for the feed if the policy can decide without
// it.
const maxAwait = 10 * time.Second

// awaitFeed waits until the revocations are there, or the policy decides
// without them.
func (v *Verifier) awaitFeed(ctx context.Context) error {
	var limit <-chan time.Time
	if v.options.Revocation.mode != failClosed {
		timer := time.NewTimer(min(v.options.Revocation.bound, maxAwait))
		defer timer.Stop()
		limit = timer.C
	}
	select {
	case <-v.feed.ready:
		return nil
	case <-limit:
		return nil
	case <-ctx.Done():
		err := context.Cause(ctx)
		if failure := v.feed.lastFailure.Load(); failure != nil {
			err = fmt.Errorf("%w: %w", err, *failure)
		}
		return fmt.Errorf("%w: the feed of revocations cannot be read: %w", ErrUnavailable, err)
	}
}

// retry calls f until it succeeds, fails because of the metadata, or ctx ends.
func retry(ctx context.Context, log *slog.Logger, f func() error) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := f()
		if err == nil || errors.Is(err, errMetadata) {
			return err
		}
		if ctx.Err() == nil {
			log.Warn("the issuer cannot be reached yet", "error", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w: %w", ErrUnavailable, context.Cause(ctx), err)
		case <-time.After(jitter(pause)):
		}
	}
}

// Close ends the requests to the issuer and waits for them. The Verifier must
// not be used afterwards.
func (v *Verifier) Close() {
	v.tasks.close()
	v.watches.close()
	v.transport.close()
}
