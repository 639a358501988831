package verify_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// while verifies a token and returns a context for it.
func while(t *testing.T, v *verify.Verifier, token string) context.Context {
	t.Helper()
	claims, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := v.While(t.Context(), claims)
	t.Cleanup(stop)
	return ctx
}

// wantEnd waits for the end of a context and checks its cause and its moment.
func wantEnd(t *testing.T, what string, ctx context.Context, cause error, after time.Duration) {
	t.Helper()
	began := time.Now()
	select {
	case <-ctx.Done():
	case <-time.After(time.Hour):
		t.Fatalf("%s: the context goes on", what)
	}
	if got := context.Cause(ctx); got != cause || time.Since(began) != after {
		t.Errorf("%s: ended with %v after %v, want %v after %v", what, got, time.Since(began), cause, after)
	}
}

func wantOpen(t *testing.T, what string, ctx context.Context) {
	t.Helper()
	if err := ctx.Err(); err != nil {
		t.Errorf("%s: ended with %v", what, context.Cause(ctx))
	}
}

func TestWhile_EndsWhenTheTokenIsRevoked(t *testing.T) {
	for name, revoke := range map[string]func(iss *verifytest.Issuer, token string){
		"session":  func(iss *verifytest.Issuer, token string) { iss.Revoke(token) },
		"subject":  func(iss *verifytest.Issuer, _ string) { iss.RevokeSubject("ada") },
		"client":   func(iss *verifytest.Issuer, _ string) { iss.RevokeSubjectAtClient("ada", "web") },
		"key":      func(iss *verifytest.Issuer, _ string) { iss.Compromise() },
		"everyone": func(iss *verifytest.Issuer, _ string) { iss.RevokeAll() },
	} {
		synctest.Test(t, func(t *testing.T) {
			iss := verifytest.New(t)
			v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
			token := iss.Token(verifytest.Claims{Subject: "ada", ClientID: "web"})
			ctx := while(t, v, token)
			iss.Revoke(iss.Token(verifytest.Claims{Subject: "ada", ClientID: "web"}))
			time.Sleep(time.Minute)
			wantOpen(t, name, ctx)

			began := time.Now()
			revoke(iss, token)
			<-ctx.Done()
			if got := context.Cause(ctx); got != verify.ErrRevoked || time.Since(began) > time.Second {
				t.Errorf("%s: ended with %v after %v", name, got, time.Since(began))
			}
		})
	}
}

// An exempt session goes on when its user is logged out everywhere else.
func TestWhile_KeptSessionGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		kept, other := iss.Token(verifytest.Claims{Subject: "ada"}), iss.Token(verifytest.Claims{Subject: "ada"})
		keptCtx, otherCtx := while(t, v, kept), while(t, v, other)
		iss.RevokeSubject("ada", kept)
		time.Sleep(time.Second)
		wantOpen(t, "kept session", keptCtx)
		wantEnd(t, "other session", otherCtx, verify.ErrRevoked, 0)
	})
}

// The context ends when Verify refuses the token: Leeway after exp.
func TestWhile_EndsWhenTheTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		for _, leeway := range []time.Duration{-1, 3 * time.Second} {
			v := iss.Verifier(verify.Options{Leeway: leeway})
			token := iss.Token(verifytest.Claims{ExpiresAt: time.Now().Add(time.Minute)})
			wantEnd(t, "at exp", while(t, v, token), verify.ErrExpired, time.Minute+max(0, leeway))
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrExpired) {
				t.Errorf("Verify returns %v at the same moment", err)
			}
		}
	})
}

func TestWhile_EndsAtOnceForAnEndedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second), Leeway: -1})
		revoked := iss.Token(verifytest.Claims{Subject: "ada"})
		claims, err := v.Verify(t.Context(), revoked)
		if err != nil {
			t.Fatal(err)
		}
		iss.Revoke(revoked)
		time.Sleep(time.Second)
		ctx, stop := v.While(t.Context(), claims)
		defer stop()
		wantEnd(t, "revoked token", ctx, verify.ErrRevoked, 0)

		claims.ExpiresAt = time.Now()
		ctx, stop = v.While(t.Context(), claims)
		defer stop()
		wantEnd(t, "expired token", ctx, verify.ErrExpired, 0)
	})
}

// What a context does when the revocations are too old depends on the policy.
// FailClosed and Introspect count from the last answer of the issuer about the
// token: an answer of the feed, or that of the introspection in Verify.
func TestWhile_StaleFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		token := iss.Token(verifytest.Claims{Subject: "ada", ExpiresAt: time.Now().Add(time.Hour)})
		feeds := &feedCutter{Issuer: iss}
		for name, tt := range map[string]struct {
			policy verify.Policy
			cause  error
		}{
			"FailClosed": {verify.FailClosed(6 * time.Second), verify.ErrStale},
			"FailOpen":   {verify.FailOpen(6 * time.Second), nil},
			"Introspect": {verify.Introspect(6 * time.Second), verify.ErrStale},
			"none":       {verify.Policy{}, nil},
		} {
			feeds.cut.Store(false)
			v := iss.Verifier(verify.Options{Revocation: tt.policy, HTTP: feeds.client()})
			time.Sleep(10*time.Second + 300*time.Millisecond)
			ctx := while(t, v, token)
			age, _ := v.Age()
			feeds.cut.Store(true)
			if tt.cause == nil {
				time.Sleep(time.Minute)
				wantOpen(t, name, ctx)
				continue
			}
			after := 6*time.Second - age
			if name == "Introspect" {
				after = 6 * time.Second
			}
			wantEnd(t, name, ctx, tt.cause, after)

			// A context that begins now is for a token that was
			// introspected.
			time.Sleep(time.Nanosecond)
			claims, err := v.Verify(t.Context(), token)
			if name == "FailClosed" {
				if err != verify.ErrStale {
					t.Errorf("%s: Verify returns %v when the context has ended", name, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			again, stop := v.While(t.Context(), claims)
			wantEnd(t, "introspected", again, verify.ErrStale, 6*time.Second)
			stop()

			feeds.cut.Store(false)
			time.Sleep(10 * time.Second)
			wantOpen(t, "when the feed is back", while(t, v, token))
		}
	})
}

func TestWhile_EndsWithItsParentAndWithTheVerifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		v := iss.Verifier(verify.Options{})
		claims, err := v.Verify(t.Context(), iss.Token(verifytest.Claims{}))
		if err != nil {
			t.Fatal(err)
		}

		parent, cancel := context.WithCancelCause(t.Context())
		ctx, stop := v.While(parent, claims)
		defer stop()
		reason := errors.New("the connection is closed")
		cancel(reason)
		wantEnd(t, "parent", ctx, reason, 0)

		ctx, stop = v.While(t.Context(), claims)
		stop()
		wantEnd(t, "stop", ctx, context.Canceled, 0)

		ctx, stop = v.While(t.Context(), claims)
		defer stop()
		v.Close()
		wantEnd(t, "closed Verifier", ctx, verify.ErrUnavailable, 0)
		ctx, stop = v.While(t.Context(), claims)
		defer stop()
		wantEnd(t, "after Close", ctx, verify.ErrUnavailable, 0)
	})
}

// Thousands of contexts need no goroutine, and end together.
func TestWhile_ManyContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const contexts = 10_000
		iss := verifytest.New(t)
		v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		claims, err := v.Verify(t.Context(), iss.Token(verifytest.Claims{Subject: "ada"}))
		if err != nil {
			t.Fatal(err)
		}
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		before := runtime.NumGoroutine()
		all := make([]context.Context, contexts)
		for i := range all {
			all[i], _ = v.While(parent, claims)
		}
		if now := runtime.NumGoroutine(); now > before+10 {
			t.Errorf("%d contexts have %d goroutines", contexts, now-before)
		}
		iss.RevokeSubject("ada")
		time.Sleep(time.Second)
		for _, ctx := range all {
			if context.Cause(ctx) != verify.ErrRevoked {
				t.Fatalf("a context ended with %v", context.Cause(ctx))
			}
		}
	})
}
