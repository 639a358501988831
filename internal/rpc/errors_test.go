package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/oauth"
)

func TestEveryCodeHasAStatus(t *testing.T) {
	all := oauth.Codes()
	if len(all) < 15 {
		t.Fatalf("there are only the codes %q", all)
	}
	for _, code := range all {
		if _, ok := statusCodes[code]; !ok {
			t.Errorf("%s is not in the error table", code)
		}
	}
	if len(statusCodes) != len(all) {
		t.Errorf("the error table has %d codes, want %d", len(statusCodes), len(all))
	}
}

// Rule 67: The caller never gets the cause of an error.
func TestRule67_ErrorTable(t *testing.T) {
	const cause = "host=db.internal password=hunter2"
	for line := range strings.Lines(`
		invalid_request          InvalidArgument
		invalid_scope            InvalidArgument
		invalid_target           InvalidArgument
		invalid_grant            Unauthenticated
		invalid_client           Unauthenticated
		unauthorized_client      PermissionDenied
		access_denied            PermissionDenied
		unsupported_grant_type   Unimplemented
		login_required           Unauthenticated
		slow_down                ResourceExhausted
		temporarily_unavailable  Unavailable
		already_exists           AlreadyExists
		not_found                NotFound
		failed_precondition      FailedPrecondition
		server_error             Internal
		never_heard_of           Internal
	`) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		s := translate(t.Context(), fmt.Errorf("wrapped: %w", oauth.Wrap(
			oauth.Code(words[0]), "A sentence.", errors.New(cause),
		)))
		if s.Code().String() != words[1] || s.Message() != "A sentence." {
			t.Errorf("%s: %v %q", words[0], s.Code(), s.Message())
		}
		if info := detail[*errdetails.ErrorInfo](s); info.GetReason() != strings.ToUpper(words[0]) ||
			info.GetDomain() != "signet" {
			t.Errorf("%s: ErrorInfo %v", words[0], info)
		}
		if strings.Contains(s.Proto().String(), "hunter2") {
			t.Errorf("%s: the status has the cause: %v", words[0], s.Proto())
		}
	}
}

func TestRetryInfoOfRetryableErrorsOnly(t *testing.T) {
	retryable := detail[*errdetails.RetryInfo](translate(t.Context(), oauth.Unavailable(errors.New("x"))))
	if retryable.GetRetryDelay().AsDuration() != time.Second {
		t.Errorf("temporarily_unavailable: RetryInfo %v", retryable)
	}
	final := detail[*errdetails.RetryInfo](translate(t.Context(), oauth.Refused(oauth.InvalidGrant, nil)))
	if final != nil {
		t.Errorf("invalid_grant: RetryInfo %v", final)
	}
}

func TestStatusOfDeadlinesAndCancellations(t *testing.T) {
	open := t.Context()
	cancelled, cancel := context.WithCancel(open)
	cancel()
	late, cancel := context.WithDeadline(open, time.Unix(0, 0))
	defer cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want codes.Code
	}{
		"store timeout":                   {open, oauth.FromStore(context.DeadlineExceeded), codes.Unavailable},
		"store timeout at the deadline":   {late, oauth.FromStore(context.DeadlineExceeded), codes.Unavailable},
		"another timeout of the server":   {open, context.DeadlineExceeded, codes.Unavailable},
		"deadline of the call":            {late, context.DeadlineExceeded, codes.DeadlineExceeded},
		"cancelled":                       {cancelled, context.Canceled, codes.Canceled},
		"cancelled while the store reads": {cancelled, oauth.FromStore(context.Canceled), codes.Canceled},
		"cancelled after a result":        {cancelled, oauth.Refused(oauth.InvalidGrant, nil), codes.Unauthenticated},
		"deadline after a result":         {late, oauth.Refused(oauth.InvalidGrant, nil), codes.Unauthenticated},
		"a gRPC status":                   {open, status.Error(codes.NotFound, "unknown service"), codes.NotFound},
		"unknown error":                   {open, errors.New("x"), codes.Internal},
		"a code without a sentence":       {open, oauth.NotFound, codes.NotFound},
	} {
		if got := translate(c.ctx, c.err).Code(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// detail returns the first detail of that type, or its zero value.
func detail[T any](s *status.Status) (found T) {
	for _, d := range s.Details() {
		if d, ok := d.(T); ok {
			return d
		}
	}
	return found
}
