package verifygrpc_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifygrpc"
	"github.com/signetd/signet/verify/verifytest"
)

var rules = verifygrpc.Rules{
	"/test.Echo/Say": {verify.Scope("say"), verify.LoginWithin(time.Hour)},
	"/test.Echo/*":   {verify.Scope("stream")},
	"/test.Open/*":   verifygrpc.Public,
}

// A want is the status of a refused call.
type want struct {
	code    codes.Code
	reason  string // of the ErrorInfo
	message string
}

// invalid is the status of a call without a valid token.
func invalid(message string) want { return want{codes.Unauthenticated, "INVALID_TOKEN", message} }

func (w want) check(t *testing.T, what string, err error) {
	t.Helper()
	s := status.Convert(err)
	got, retry := want{s.Code(), "", s.Message()}, time.Duration(0)
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			got.reason = d.GetReason()
		case *errdetails.RetryInfo:
			retry = d.GetRetryDelay().AsDuration()
		}
	}
	if got != w || (retry == time.Second) != (w.code == codes.Unavailable) {
		t.Errorf("%s: %+v, retry after %v; want %+v", what, got, retry, w)
	}
}

func TestUnary_StatusOfRefusedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		c, _ := serve(t, v, rules)
		user := verifytest.Claims{
			Subject: "ada", Scope: "say", AuthTime: time.Now(),
		}
		with1 := func(edit func(*verifytest.Claims)) string {
			c := user
			edit(&c)
			return "Bearer " + iss.Token(c)
		}
		good := "Bearer " + iss.Token(user)
		if got, err := say(c, with(t, good), "test.Echo"); err != nil || got != "ada" {
			t.Fatalf("got %q, %v", got, err)
		}

		revoked := with1(func(*verifytest.Claims) {})
		iss.Revoke(revoked[len("Bearer "):])
		time.Sleep(time.Second)
		for name, tt := range map[string]struct {
			authorization []string
			want          want
		}{
			"no token": {nil, invalid("the request has no access token")},
			"two tokens": {
				[]string{good, good},
				invalid("the request has no access token: the Authorization header field is malformed"),
			},
			"invalid": {[]string{good + "x"}, invalid("the access token is invalid")},
			"revoked": {[]string{revoked}, invalid("the access token was revoked")},
			"expired": {
				[]string{with1(func(c *verifytest.Claims) { c.IssuedAt = time.Now().Add(-2 * time.Hour) })},
				invalid("the access token expired"),
			},
			"lacks a scope": {
				[]string{with1(func(c *verifytest.Claims) { c.Scope = "other" })},
				want{codes.PermissionDenied, "INSUFFICIENT_SCOPE", `the token lacks a scope: the request needs "say"`},
			},
			"old login": {
				[]string{with1(func(c *verifytest.Claims) { c.AuthTime = time.Now().Add(-2 * time.Hour) })},
				want{
					codes.Unauthenticated, "INSUFFICIENT_USER_AUTHENTICATION",
					"the login is too old: the request needs one within 1h0m0s",
				},
			},
		} {
			_, err := say(c, with(t, tt.authorization...), "test.Echo")
			tt.want.check(t, name, err)
		}

		iss.Cut()
		time.Sleep(6 * time.Second)
		_, err := say(c, with(t, good), "test.Echo")
		want{codes.Unavailable, "TEMPORARILY_UNAVAILABLE", "tokens cannot be verified now"}.check(t, "stale", err)
	})
}

func TestRules_ChooseTheMethod(t *testing.T) {
	iss := verifytest.New(t)
	v := iss.Verifier(verify.Options{})
	c, _ := serve(t, v, rules)
	token := with(t, "Bearer "+iss.Token(verifytest.Claims{Subject: "ada", Scope: "stream"}))

	if got, err := say(c, with(t), "test.Open"); err != nil || got != "nobody" {
		t.Errorf("public method: %q, %v", got, err)
	}
	if got, err := say(c, with(t, "Bearer x"), "test.Open"); err != nil || got != "nobody" {
		t.Errorf("public method with an invalid token: %q, %v", got, err)
	}
	denied := want{codes.PermissionDenied, "ACCESS_DENIED", "no rule allows calls of this method"}
	_, err := say(c, token, "test.Closed")
	denied.check(t, "method without a rule", err)
	_, err = say(c, token, "test.Echo")
	scope := want{codes.PermissionDenied, "INSUFFICIENT_SCOPE", `the token lacks a scope: the request needs "say"`}
	scope.check(t, "the rules of a method replace those of its service", err)

	s := open(t, c, token, "Collect")
	for range 3 {
		if err := s.SendMsg(wrapperspb.String("x")); err != nil {
			t.Fatal(err)
		}
	}
	n := new(wrapperspb.UInt64Value)
	if err := errors.Join(s.CloseSend(), s.RecvMsg(n)); err != nil || n.GetValue() != 3 {
		t.Errorf("rules of the service: %v, %v", n, err)
	}
	refused := open(t, c, with(t), "Chat")
	invalid("the request has no access token").
		check(t, "stream without a token", refused.RecvMsg(n))
}

// A copy of the element of Public is no way to make a method public.
func TestPublic_IsTheVariable(t *testing.T) {
	iss := verifytest.New(t)
	v := iss.Verifier(verify.Options{})
	c, _ := serve(t, v, verifygrpc.Rules{"/test.Open/*": {verifygrpc.Public[0]}, "/test.Echo/*": nil})
	if _, err := say(c, with(t), "test.Open"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("without a token: %v", err)
	}
	token := with(t, "Bearer "+iss.Token(verifytest.Claims{Subject: "ada"}))
	if _, err := say(c, token, "test.Open"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("with a token: %v", err)
	}
	if _, err := say(c, with(t), "test.Echo"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("no rules and no token: %v", err)
	}
	if got, err := say(c, token, "test.Echo"); err != nil || got != "ada" {
		t.Errorf("no rules and a token: %q, %v", got, err)
	}
}

func TestRules_MalformedNamePanics(t *testing.T) {
	for _, name := range []string{"", "/", "Say", "test.Echo/Say", "/test.Echo", "/test.Echo/", "//Say", "/a/b/c"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: no panic", name)
				}
			}()
			verifygrpc.Unary(nil, verifygrpc.Rules{name: verifygrpc.Public})
		}()
	}
}
