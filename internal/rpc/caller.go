package rpc

import (
	"context"

	"github.com/signetd/signet/internal/client"
)

type callerKey struct{}

// withCaller returns a context that carries the caller to the handler.
func withCaller(ctx context.Context, caller *client.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// Caller returns the authenticated caller of a handler's context.
func Caller(ctx context.Context) client.Caller {
	if caller, ok := ctx.Value(callerKey{}).(*client.Caller); ok {
		return *caller
	}
	return client.Caller{}
}
