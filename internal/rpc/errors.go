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
)

// statusCodes is the gRPC column of the error table; the other columns are in internal/oauth and internal/web.
var statusCodes = map[oauth.Code]codes.Code{
	oauth.InvalidRequest:         codes.InvalidArgument,
	oauth.InvalidScope:           codes.InvalidArgument,
	oauth.InvalidTarget:          codes.InvalidArgument,
	oauth.UnsupportedTokenType:   codes.InvalidArgument,
	oauth.InvalidGrant:           codes.Unauthenticated,
	oauth.InvalidClient:          codes.Unauthenticated,
	oauth.UnauthorizedClient:     codes.PermissionDenied,
	oauth.AccessDenied:           codes.PermissionDenied,
	oauth.UnsupportedGrantType:   codes.Unimplemented,
	oauth.SlowDown:               codes.ResourceExhausted,
	oauth.TemporarilyUnavailable: codes.Unavailable,
	oauth.AlreadyExists:          codes.AlreadyExists,
	oauth.NotFound:               codes.NotFound,
	oauth.FailedPrecondition:     codes.FailedPrecondition,
	oauth.ServerError:            codes.Internal,
}

// errorDomain is the domain of our reasons in google.rpc.ErrorInfo.
const errorDomain = "signet"

// translate returns what the caller is told of err. What is a gRPC status already stays one. A call that its caller gave up
// is CANCELED, and one that outlived its time before anything else was known is DEADLINE_EXCEEDED; a time limit of our own,
// such as the store's, is temporarily_unavailable.
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

// encode makes the status of e, with the details that err has beside it.
func encode(e *oauth.Error, err error) *status.Status {
	code, ok := statusCodes[e.Code]
	if !ok {
		code = codes.Internal
	}
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: e.Code.Reason(), Domain: errorDomain}}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	if fields := violations(nil); errors.As(err, &fields) {
		details = append(details, &errdetails.BadRequest{FieldViolations: fields})
	}
	bare := status.New(code, e.Sentence)
	detailed, err := bare.WithDetails(details...)
	if err != nil {
		return bare
	}
	return detailed
}
