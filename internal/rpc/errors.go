package rpc

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/validate"
)

// statusCodes is the gRPC column of the error table. The other columns are in
// internal/oauth and internal/web.
//
//exhaustive:enforce
var statusCodes = map[oauth.Code]codes.Code{
	oauth.InvalidRequest:         codes.InvalidArgument,
	oauth.InvalidScope:           codes.InvalidArgument,
	oauth.InvalidTarget:          codes.InvalidArgument,
	oauth.InvalidGrant:           codes.Unauthenticated,
	oauth.InvalidClient:          codes.Unauthenticated,
	oauth.UnauthorizedClient:     codes.PermissionDenied,
	oauth.AccessDenied:           codes.PermissionDenied,
	oauth.UnsupportedGrantType:   codes.Unimplemented,
	oauth.LoginRequired:          codes.Unauthenticated,
	oauth.SlowDown:               codes.ResourceExhausted,
	oauth.TemporarilyUnavailable: codes.Unavailable,
	oauth.AlreadyExists:          codes.AlreadyExists,
	oauth.NotFound:               codes.NotFound,
	oauth.FailedPrecondition:     codes.FailedPrecondition,
	oauth.ServerError:            codes.Internal,
}

// errorDomain is the domain of the reasons in google.rpc.ErrorInfo.
const errorDomain = "signet"

// translate returns the status of a call whose handler has returned err. It
// returns nil for nil, and a gRPC status as it is.
//
// A call that the client has cancelled is CANCELED. A call whose deadline ends
// before the server has another result is DEADLINE_EXCEEDED. A timeout of the
// server's own, for example of the store, is temporarily_unavailable.
func translate(ctx context.Context, err error) *status.Status {
	if err == nil {
		return nil
	}
	if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return s.GRPCStatus()
	}

	e, ended := oauth.AsError(err), ctx.Err()
	switch {
	case ended != nil && errors.Is(err, ended) && (ended == context.Canceled || e.Code == oauth.ServerError):
		return status.FromContextError(ended)
	case e.Code == oauth.ServerError && errors.Is(err, context.DeadlineExceeded):
		e = oauth.Unavailable(err)
	}
	return encode(e, err)
}

// encode returns the status of e, with the violations in err as a detail.
func encode(e *oauth.Error, err error) *status.Status {
	code, ok := statusCodes[e.Code]
	if !ok {
		code = codes.Internal
	}
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: e.Code.Reason(), Domain: errorDomain}}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	if fields := validate.Violations(nil); errors.As(err, &fields) {
		details = append(details, &errdetails.BadRequest{FieldViolations: fields})
	}

	bare := status.New(code, e.Sentence)
	detailed, err := bare.WithDetails(details...)
	if err != nil {
		return bare
	}
	return detailed
}
