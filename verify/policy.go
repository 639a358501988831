package verify

import (
	"fmt"
	"time"
)

// A Policy is what a Verifier does with revocations: FailClosed, FailOpen or
// Introspect. With the zero value it does not read the feed, so that a revoked
// token stays valid until it expires.
type Policy struct {
	mode  mode
	bound time.Duration
}

// A mode is what happens when the revocations are older than the bound.
type mode int

const (
	noFeed mode = iota
	failClosed
	failOpen
	introspect
)

// minBound and maxBound limit the age that a Policy allows.
const minBound, maxBound = time.Second, 24 * time.Hour

// FailClosed refuses every token with ErrStale if the revocations are older
// than d, which is at least a second. So no token is accepted that was revoked
// more than d ago.
func FailClosed(d time.Duration) Policy { return Policy{failClosed, d} }

// FailOpen accepts tokens by their signature alone if the revocations are older
// than d, and sets Claims.Unchecked. It still refuses a token that it knows to
// be revoked.
func FailOpen(d time.Duration) Policy { return Policy{failOpen, d} }

// Introspect asks the issuer about each token if the revocations are older than
// d (RFC 7662). An answer counts for a second. If there is none, the error is
// ErrUnavailable. It needs Options.Client.
func Introspect(d time.Duration) Policy { return Policy{introspect, d} }

// check returns an error if the policy is not valid.
func (p Policy) check() error {
	if p.mode != noFeed && (p.bound < minBound || p.bound > maxBound) {
		return fmt.Errorf("the policy allows an age of %v; want %v to %v", p.bound, minBound, maxBound)
	}
	return nil
}
