package rpc

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/oauth"
)

// allCodes reads the codes from the source that declares them, so that a new one cannot be forgotten here.
func allCodes(t *testing.T) []oauth.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../oauth/error.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var all []oauth.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == "Code" {
			for _, value := range spec.Values {
				text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, oauth.Code(text))
			}
		}
		return true
	})
	if len(all) < 15 {
		t.Fatalf("found only the codes %q", all)
	}
	return all
}

func TestEveryCodeHasAStatus(t *testing.T) {
	all := allCodes(t)
	for _, code := range all {
		if _, ok := statusCodes[code]; !ok {
			t.Errorf("%s is not in the table", code)
		}
	}
	if len(statusCodes) != len(all) {
		t.Errorf("the table has %d codes, there are %d", len(statusCodes), len(all))
	}
}

func TestErrorTable(t *testing.T) {
	const cause = "host=db.internal password=hunter2"
	for line := range strings.Lines(`
		invalid_request          InvalidArgument
		invalid_scope            InvalidArgument
		invalid_target           InvalidArgument
		unsupported_token_type   InvalidArgument
		invalid_grant            Unauthenticated
		invalid_client           Unauthenticated
		unauthorized_client      PermissionDenied
		access_denied            PermissionDenied
		unsupported_grant_type   Unimplemented
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
		s := translate(t.Context(), fmt.Errorf("on the way: %w", oauth.Because(oauth.Code(words[0]), "A sentence.", errors.New(cause))))
		if s.Code().String() != words[1] || s.Message() != "A sentence." {
			t.Errorf("%s: %v %q", words[0], s.Code(), s.Message())
		}
		if info := detail[*errdetails.ErrorInfo](s); info.GetReason() != strings.ToUpper(words[0]) || info.GetDomain() != "signet" {
			t.Errorf("%s: ErrorInfo %v", words[0], info)
		}
		if strings.Contains(s.Proto().String(), "hunter2") {
			t.Errorf("%s: the caller sees the cause: %v", words[0], s.Proto())
		}
	}
}

func TestRetryInfoOnlyWhereWaitingHelps(t *testing.T) {
	patient := detail[*errdetails.RetryInfo](translate(t.Context(), oauth.Unavailable(errors.New("x"))))
	if patient.GetRetryDelay().AsDuration() != time.Second {
		t.Errorf("temporarily_unavailable: RetryInfo %v", patient)
	}
	if useless := detail[*errdetails.RetryInfo](translate(t.Context(), oauth.Refused(oauth.InvalidGrant, nil))); useless != nil {
		t.Errorf("invalid_grant: RetryInfo %v", useless)
	}
}

func TestTimeIsUp(t *testing.T) {
	alive := t.Context()
	cancelled, cancel := context.WithCancel(alive)
	cancel()
	late, cancel := context.WithDeadline(alive, time.Unix(0, 0))
	defer cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want codes.Code
	}{
		"the store's own limit":               {alive, oauth.FromStore(context.DeadlineExceeded), codes.Unavailable},
		"the store's limit is the call's":     {late, oauth.FromStore(context.DeadlineExceeded), codes.Unavailable},
		"a limit of ours that nobody named":   {alive, context.DeadlineExceeded, codes.Unavailable},
		"the call's limit, before any answer": {late, context.DeadlineExceeded, codes.DeadlineExceeded},
		"the caller left":                     {cancelled, context.Canceled, codes.Canceled},
		"the caller left during a read":       {cancelled, oauth.FromStore(context.Canceled), codes.Canceled},
		"the caller left, but there is news":  {cancelled, oauth.Refused(oauth.InvalidGrant, nil), codes.Unauthenticated},
		"late, but there is news":             {late, oauth.Refused(oauth.InvalidGrant, nil), codes.Unauthenticated},
		"a status already":                    {alive, status.Error(codes.NotFound, "unknown service"), codes.NotFound},
		"an unknown fault":                    {alive, errors.New("x"), codes.Internal},
		"a bare code":                         {alive, oauth.NotFound, codes.NotFound},
	} {
		if got := translate(c.ctx, c.err).Code(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// detail returns the first detail of that type, or nil.
func detail[T any](s *status.Status) (found T) {
	for _, d := range s.Details() {
		if d, ok := d.(T); ok {
			return d
		}
	}
	return found
}
