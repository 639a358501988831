package verify

import "context"

type contextKey struct{}

// NewContext returns a context with the claims of a verified token. Middleware
// and the interceptors of package verifygrpc do this for each request. Tests of
// handlers can do it, too.
func NewContext(ctx context.Context, c *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns the claims of the token of a request, and whether the context
// has them.
func From(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(*Claims)
	return c, ok
}
