package verify

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errUnknownKey is the error for a kid that is not in the current set.
var errUnknownKey = invalid("unknown kid")

// find fetches the set because of a kid that it lacks. The error is
// errUnknownKey if a set that is current lacks it, too.
func (k *keyStore) find(ctx context.Context, kid string) error {
	if done, started := k.refreshUnknown(); done != nil {
		timer := time.NewTimer(unknownWait - time.Since(started))
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			return fmt.Errorf("%w: the issuer does not answer", ErrUnavailable)
		case <-ctx.Done():
			return contextError(ctx)
		}
	}
	// Another caller may have fetched the set in between.
	if _, ok := k.current.Load().keys[kid]; ok {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, k.failure)
	}
	return errUnknownKey
}

// contextError returns the error of a context that has ended, and its cause.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// refreshUnknown is refresh for an unknown kid. It also returns when the fetch
// started.
func (k *keyStore) refreshUnknown() (done <-chan struct{}, started time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fetching == nil && time.Since(k.unknownAt) < unknownFloor {
		return nil, started
	}
	if done = k.refreshLocked(fetchFloor, true); done != nil {
		k.unknownAt = k.started
	}
	return done, k.started
}
