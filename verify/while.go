package verify

import "context"

// While returns a context for work that goes on under a token: a stream, a
// WebSocket, a long job. It ends within about a second after the token is
// revoked, and when the token expires. context.Cause then returns ErrRevoked or
// ErrExpired. The claims are those that Verify returned.
//
// With FailClosed, the context also ends when the revocations are too old, with
// the cause ErrStale: the token may be revoked. Introspect asks the issuer only
// in Verify, so with this policy the context ends at that age, too, but not
// before the age has passed since While was called. With FailOpen it goes on.
// Without a policy, the context ends only when the token expires.
//
// The context ends with ErrUnavailable when the Verifier is closed. Call stop
// when the work is done. While starts no goroutine, and thousands of contexts
// cost a Verifier little.
func (v *Verifier) While(ctx context.Context, c *Claims) (while context.Context, stop context.CancelFunc) {
	return v.watches.start(ctx, c.marks, c.ExpiresAt.Add(v.options.Leeway))
}
