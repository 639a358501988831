package verifygrpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signetd/signet/verify"
)

// errorDomain is the domain of the reasons in google.rpc.ErrorInfo.
const errorDomain = "signet"

// retryAfter is when a client may try again if tokens cannot be verified now.
const retryAfter = time.Second

// refusal returns the status of a call that is refused for that reason.
func refusal(reason error) error {
	switch {
	case errors.Is(reason, context.Canceled), errors.Is(reason, context.DeadlineExceeded):
		return status.FromContextError(reason).Err()
	case errors.Is(reason, verify.ErrUnavailable):
		return newStatus(codes.Unavailable, "TEMPORARILY_UNAVAILABLE", verify.ErrUnavailable.Error(),
			&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	case errors.Is(reason, verify.ErrNoToken):
		return newStatus(codes.Unauthenticated, "INVALID_TOKEN", reason.Error())
	case errors.Is(reason, verify.ErrExpired):
		return newStatus(codes.Unauthenticated, "INVALID_TOKEN", "the access token expired")
	case errors.Is(reason, verify.ErrRevoked):
		return newStatus(codes.Unauthenticated, "INVALID_TOKEN", "the access token was revoked")
	case errors.Is(reason, verify.ErrInvalid):
		return newStatus(codes.Unauthenticated, "INVALID_TOKEN", "the access token is invalid")
	case errors.Is(reason, verify.ErrOldLogin):
		return newStatus(codes.Unauthenticated, "INSUFFICIENT_USER_AUTHENTICATION", reason.Error())
	case errors.Is(reason, verify.ErrScope):
		return newStatus(codes.PermissionDenied, "INSUFFICIENT_SCOPE", reason.Error())
	}
	return newStatus(codes.PermissionDenied, "INSUFFICIENT_SCOPE", "the call needs more than the access token allows")
}

// newStatus returns a status with an ErrorInfo and further details.
func newStatus(code codes.Code, reason, message string, details ...protoadapt.MessageV1) error {
	bare := status.New(code, message)
	info := &errdetails.ErrorInfo{Reason: reason, Domain: errorDomain}
	detailed, err := bare.WithDetails(append([]protoadapt.MessageV1{info}, details...)...)
	if err != nil {
		return bare.Err()
	}
	return detailed.Err()
}
