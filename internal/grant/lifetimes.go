package grant

import (
	"cmp"
	"time"

	"github.com/signetd/signet/internal/client"
)

// MaxRetryWindow is the longest time after a rotation in which its idempotency
// key is accepted.
const MaxRetryWindow = 24 * time.Hour

// Lifetimes are the issuer's defaults and caps for grants.
type Lifetimes struct {
	// Idle is the idle lifetime if the client has none.
	Idle time.Duration
	// Absolute is the absolute lifetime if the client has none.
	Absolute time.Duration
	// Max is the maximum lifetime for every client.
	Max time.Duration
	// Leeway is how long after a rotation the previous refresh token is
	// accepted, if the client has no leeway of its own.
	Leeway time.Duration
}

// idle returns the idle lifetime of the client's grants.
func (l Lifetimes) idle(c client.Client) time.Duration {
	return min(cmp.Or(c.RefreshIdle, l.Idle), l.Max)
}

// absolute returns the absolute lifetime of the client's grants.
func (l Lifetimes) absolute(c client.Client) time.Duration {
	return min(cmp.Or(c.RefreshAbsolute, l.Absolute), l.Max)
}

// leeway returns how long after a rotation the client's previous refresh token
// is accepted. It is zero for a client in the browser: all requests of a
// browser have the same idempotency key, so a request with another one is a
// thief's.
func (l Lifetimes) leeway(c client.Client) time.Duration {
	switch {
	case c.Browser != nil:
		return 0
	case c.Leeway != nil:
		return *c.Leeway
	}
	return l.Leeway
}

// retryWindow returns how long after a rotation the client's previous refresh
// token is accepted with the idempotency key that rotated the grant.
func (l Lifetimes) retryWindow(c client.Client) time.Duration {
	if c.RetryWindow != nil {
		return min(*c.RetryWindow, MaxRetryWindow)
	}
	return min(l.idle(c), MaxRetryWindow)
}
