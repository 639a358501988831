package verifygrpc_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// A stream ends within a second after its token is revoked, and when it
// expires. It does not matter what its handler waits for, and what it returns.
func TestStream_EndsWithItsToken(t *testing.T) {
	revoked := invalid("the access token was revoked")
	for name, tt := range map[string]struct {
		end  func(*verifytest.Issuer, string)
		want want
		late time.Duration // after end
	}{
		"revoked": {func(iss *verifytest.Issuer, token string) { iss.Revoke(token) }, revoked, time.Second},
		"expired": {
			func(*verifytest.Issuer, string) { time.Sleep(time.Minute - time.Second) },
			invalid("the access token expired"),
			time.Second,
		},
		"stale": {
			func(iss *verifytest.Issuer, _ string) { iss.Cut() },
			want{codes.Unavailable, "TEMPORARILY_UNAVAILABLE", "tokens cannot be verified now"},
			5 * time.Second,
		},
	} {
		for _, method := range []string{"Chat", "Watch"} {
			synctest.Test(t, func(t *testing.T) {
				iss := verifytest.New(t)
				v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second), Leeway: -1})
				c, e := serve(t, v, rules)
				token := iss.Token(verifytest.Claims{
					Subject: "ada", Scope: "stream", ExpiresAt: time.Now().Add(time.Minute),
				})
				s := open(t, c, with(t, "Bearer "+token), method)
				if err := s.SendMsg(wrapperspb.String("hello")); err != nil {
					t.Fatal(err)
				}
				if method == "Chat" {
					if err := s.RecvMsg(new(wrapperspb.StringValue)); err != nil {
						t.Fatal(err)
					}
				} else if err := s.CloseSend(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()

				tt.end(iss, token)
				began := time.Now()
				err := s.RecvMsg(new(wrapperspb.StringValue))
				tt.want.check(t, name+" "+method, err)
				if after := time.Since(began); after > tt.late {
					t.Errorf("%s %s: ended after %v, want at most %v", name, method, after, tt.late)
				}
				if err := <-e.ended; method == "Watch" && !errors.Is(err, verify.ErrInvalid) && err != verify.ErrStale {
					t.Errorf("%s: the context of the handler ended with %v", name, err)
				}
			})
		}
	}
}

// A stream whose client leaves ends as without the interceptor.
func TestStream_ClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		v := iss.Verifier(verify.Options{})
		c, e := serve(t, v, rules)
		ctx, cancel := context.WithCancel(with(t, "Bearer "+iss.Token(verifytest.Claims{Scope: "stream"})))
		s := open(t, c, ctx, "Chat")
		if err := s.SendMsg(wrapperspb.String("hello")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		if err := <-e.ended; status.Code(err) != codes.Canceled {
			t.Errorf("the handler got %v", err)
		}
	})
}

// A stream whose client does not receive ends, too: its handler does not wait
// in SendMsg for the client.
func TestStream_EndsWhileItSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		c, e := serve(t, v, rules)
		token := iss.Token(verifytest.Claims{Subject: "ada", Scope: "stream"})
		s := open(t, c, with(t, "Bearer "+token), "Flood")
		if err := s.SendMsg(wrapperspb.String("hello")); err != nil {
			t.Fatal(err)
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()

		iss.Revoke(token)
		select {
		case err := <-e.ended:
			invalid("the access token was revoked").check(t, "the handler", err)
		case <-time.After(time.Second):
			t.Error("the handler still waits in SendMsg a second after the revocation")
		}
		for {
			if err := s.RecvMsg(new(wrapperspb.BytesValue)); err != nil {
				invalid("the access token was revoked").check(t, "the client", err)
				break
			}
		}
	})
}
