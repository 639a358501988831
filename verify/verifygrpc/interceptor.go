package verifygrpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/verify"
)

// Unary returns the option of a server that authorizes its unary calls. It
// panics if a key of the rules is malformed.
func Unary(v *verify.Verifier, rules Rules) grpc.ServerOption {
	rules.mustBeNames()
	return grpc.ChainUnaryInterceptor(func(
		ctx context.Context, request any, call *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
	) (any, error) {
		claims, err := authorize(ctx, v, rules, call.FullMethod)
		if err != nil {
			return nil, err
		}
		if claims != nil {
			ctx = verify.NewContext(ctx, claims)
		}
		return handler(ctx, request)
	})
}

// Stream returns the option of a server that authorizes its streams. When the
// token of a stream is revoked or expires, the context of the stream ends,
// sending and receiving fail, and the client gets the status of the reason,
// whatever the handler returns. Stream panics if a key of the rules is
// malformed.
func Stream(v *verify.Verifier, rules Rules) grpc.ServerOption {
	rules.mustBeNames()
	return grpc.ChainStreamInterceptor(func(
		server any, ss grpc.ServerStream, call *grpc.StreamServerInfo, handler grpc.StreamHandler,
	) error {
		claims, err := authorize(ss.Context(), v, rules, call.FullMethod)
		if err != nil {
			return err
		}
		if claims == nil {
			return handler(server, ss)
		}

		ctx, stop := v.While(ss.Context(), claims)
		defer stop()
		s := newStream(verify.NewContext(ctx, claims), ss)
		err = handler(server, s)
		if ended := s.ended(); ended != nil {
			return ended
		}
		return err
	})
}

// authorize returns the claims of the token of a call, or nil for a public
// method. Its error is a status.
func authorize(ctx context.Context, v *verify.Verifier, rules Rules, method string) (*verify.Claims, error) {
	needs, ok := rules.of(method)
	switch {
	case !ok:
		return nil, newStatus(codes.PermissionDenied, "ACCESS_DENIED", "no rule allows calls of this method")
	case isPublic(needs):
		return nil, nil
	}
	claims, err := v.Authorize(ctx, metadata.ValueFromIncomingContext(ctx, "authorization"), needs...)
	if err != nil {
		return nil, refusal(err)
	}
	return claims, nil
}
