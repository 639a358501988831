package verify_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// A service may start before the issuer.
func TestNew_WaitsForTheIssuer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		issuer.Cut()
		var mended time.Time
		time.AfterFunc(time.Hour, func() {
			mended = time.Now()
			issuer.Mend()
		})
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		if waited := time.Since(mended); mended.IsZero() || waited > 5*time.Second {
			t.Errorf("New returned %v after the issuer was there", waited)
		}
		want(t, v, "at once", issuer.Token(verifytest.Claims{}), nil)
	})
}

// New ends with its context. The error says why it could not verify.
func TestNew_EndsWithItsContext(t *testing.T) {
	for path, policy := range map[string]verify.Policy{
		"/.well-known/openid-configuration": {}, keysPath: {}, feedPath: verify.FailClosed(bound),
	} {
		bubble(t, func(t *testing.T) {
			network, _ := newLink(t)
			network.set(answerWith(path, http.StatusBadGateway, ""), nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			v, err := verify.New(ctx, verifytest.URL, verify.Options{
				Audience: "a", Revocation: policy, HTTP: &http.Client{Transport: network}, Log: quiet,
			})
			if v != nil || !errors.Is(err, verify.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) ||
				!strings.Contains(err.Error(), "502") {
				t.Errorf("%s: %v, %v", path, v, err)
			}
			if waited := time.Since(began); waited != time.Minute {
				t.Errorf("%s: waited for %v, want a minute", path, waited)
			}
		})
	}
}

// With FailOpen and Introspect, a service starts without the feed after the age
// that the policy allows, and after ten seconds.
func TestNew_WaitsForTheFeedAsThePolicyAllows(t *testing.T) {
	for name, policy := range map[string]verify.Policy{
		"FailOpen": verify.FailOpen(bound), "Introspect": verify.Introspect(time.Hour),
	} {
		bubble(t, func(t *testing.T) {
			network, issuer := newLink(t)
			network.set(answerWith(feedPath, http.StatusBadGateway, ""), nil)
			began := time.Now()
			v := newVerifier(t, network, verify.Options{
				Revocation: policy, Client: verify.Client{ID: verifytest.Audience, Secret: "s"},
			})
			allowed := map[string]time.Duration{"FailOpen": bound, "Introspect": 10 * time.Second}[name]
			if waited := time.Since(began); waited != allowed {
				t.Errorf("%s: waited for %v, want %v", name, waited, allowed)
			}
			c := want(t, v, name, issuer.Token(verifytest.Claims{}), nil)
			if c != nil && c.Unchecked != (name == "FailOpen") {
				t.Errorf("%s: Unchecked is %v", name, c.Unchecked)
			}
			if age, ok := v.Age(); ok {
				t.Errorf("%s: age %v", name, age)
			}
			if s := v.Stats(); s.Age >= 0 || s.Position != "0-0" {
				t.Errorf("%s: %+v", name, s)
			}
		})
	}
}

// Options and metadata that cannot work are an error at once.
func TestNew_RefusesWhatCannotWork(t *testing.T) {
	good := verify.Options{Audience: "orders", Log: quiet}
	with := func(f func(*verify.Options)) verify.Options { o := good; f(&o); return o }
	policy := func(p verify.Policy) verify.Options { o := good; o.Revocation = p; return o }
	const url = verifytest.URL
	type test struct {
		issuer string
		o      verify.Options
		want   string
	}
	for name, tt := range map[string]test{
		"no audience":    {url, with(func(o *verify.Options) { o.Audience = "" }), "Audience is missing"},
		"audience":       {url, with(func(o *verify.Options) { o.Audience = "a b" }), "Audience"},
		"bound":          {url, policy(verify.FailClosed(999 * time.Millisecond)), "999ms"},
		"negative bound": {url, policy(verify.FailOpen(-1)), "Revocation"},
		"no client":      {url, policy(verify.Introspect(bound)), "Client"},
		"no secret":      {url, with(func(o *verify.Options) { o.Client.ID = "x" }), "Secret"},
		"leeway":         {url, with(func(o *verify.Options) { o.Leeway = time.Hour }), "Leeway"},
		"name":           {url, with(func(o *verify.Options) { o.Name = "a b" }), "Name"},
		"resource":       {url, with(func(o *verify.Options) { o.Resource = "orders" }), "Resource"},
		"plain text":     {"http://issuer.test", good, "https"},
		"no scheme":      {"issuer.test", good, "issuer.test"},
		"query":          {url + "?a", good, "query"},
		"user":           {"https://a@issuer.test", good, "user"},
		"empty":          {"", good, "host"},
	} {
		bubble(t, func(t *testing.T) {
			network, _ := newLink(t)
			tt.o.HTTP = &http.Client{Transport: network}
			v, err := verify.New(t.Context(), tt.issuer, tt.o)
			if v != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, %v, want an error with %q", name, v, err, tt.want)
			}
			if len(network.requests) > 0 {
				t.Errorf("%s: %d requests", name, len(network.requests))
			}
		})
	}

	const metadata = "/.well-known/openid-configuration"
	for name, tt := range map[string]struct{ body, want string }{
		"other issuer": {`{"issuer":"https://other.test","jwks_uri":"https://issuer.test/jwks"}`, "other.test"},
		"slash":        {`{"issuer":"https://issuer.test/","jwks_uri":"https://issuer.test/jwks"}`, "issuer.test/"},
		"no keys":      {`{"issuer":"https://issuer.test"}`, "jwks_uri"},
		"no feed":      {`{"issuer":"https://issuer.test","jwks_uri":"https://issuer.test/jwks"}`, "revocations_endpoint"},
		"plain text":   {`{"issuer":"https://issuer.test","jwks_uri":"http://issuer.test/jwks"}`, "https"},
		"loopback":     {`{"issuer":"https://issuer.test","jwks_uri":"http://localhost/jwks"}`, "https"},
		"no introspection": {
			`{"issuer":"https://issuer.test","jwks_uri":"https://issuer.test/jwks",` +
				`"revocations_endpoint":"https://issuer.test/r"}`,
			"introspection_endpoint",
		},
	} {
		bubble(t, func(t *testing.T) {
			network, _ := newLink(t)
			network.set(answerWith(metadata, http.StatusOK, tt.body), nil)
			began := time.Now()
			v, err := verify.New(t.Context(), verifytest.URL, verify.Options{
				Audience: "a", Revocation: verify.Introspect(bound), Client: verify.Client{ID: "a", Secret: "s"},
				HTTP: &http.Client{Transport: network}, Log: quiet,
			})
			if v != nil || err == nil || !strings.Contains(err.Error(), tt.want) || time.Since(began) != 0 {
				t.Errorf("%s: %v, %v after %v, want an error with %q", name, v, err, time.Since(began), tt.want)
			}
		})
	}
}

// The metadata of an identifier with a slash at its end are at the address
// without that slash.
func TestNew_IdentifierWithASlash(t *testing.T) {
	for identifier, address := range map[string]string{
		"https://issuer.test/":        "https://issuer.test/.well-known/openid-configuration",
		"https://issuer.test/tenant/": "https://issuer.test/tenant/.well-known/openid-configuration",
	} {
		bubble(t, func(t *testing.T) {
			network, _ := newLink(t)
			network.set(func(r *http.Request) (*http.Response, error) {
				if r.URL.String() != address {
					return nil, nil
				}
				body := `{"issuer":"` + identifier + `","jwks_uri":"https://issuer.test/.well-known/jwks.json"}`
				return answerWith(r.URL.Path, http.StatusOK, body)(r)
			}, nil)
			v, err := verify.New(t.Context(), identifier, verify.Options{
				Audience: "a", HTTP: &http.Client{Transport: network}, Log: quiet,
			})
			if err != nil {
				t.Fatalf("%s: %v", identifier, err)
			}
			v.Close()
		})
	}
}

// If there is no document of OpenID Connect, the metadata are those of RFC
// 8414. No redirect is followed.
func TestNew_FindsTheMetadata(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		network.set(answerWith("/.well-known/openid-configuration", http.StatusNotFound, ""), nil)
		v := newVerifier(t, network, verify.Options{})
		want(t, v, "metadata of RFC 8414", issuer.Token(verifytest.Claims{}), nil)

		network.reset()
		network.set(func(r *http.Request) (*http.Response, error) {
			header := http.Header{"Location": {"https://issuer.test/.well-known/oauth-authorization-server"}}
			return &http.Response{StatusCode: http.StatusFound, Header: header, Body: http.NoBody, Request: r}, nil
		}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := verify.New(ctx, verifytest.URL, verify.Options{
			Audience: "a", HTTP: &http.Client{Transport: network}, Log: quiet,
		})
		if err == nil || !strings.Contains(err.Error(), "redirect") || len(network.requests) != 1 {
			t.Errorf("redirect: %v, %d requests", err, len(network.requests))
		}
	})
}

// While the feed is cut off, the issuer is asked once a second about each
// token, with the credentials of the service.
func TestIntrospect_SharesAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{
			Revocation: verify.Introspect(bound), Client: verify.Client{ID: "api", Secret: "s"},
		})
		one := issuer.Token(verifytest.Claims{Subject: "alice"})
		two := issuer.Token(verifytest.Claims{Subject: "bob"})
		noFeed := answerWith(feedPath, http.StatusBadGateway, "")
		slowly := func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == introspectPath {
				time.Sleep(300 * time.Millisecond)
			}
			return noFeed(r)
		}
		network.set(slowly, nil)
		time.Sleep(time.Minute)
		network.reset()

		ask := func(what, token string, kind error) {
			t.Helper()
			var callers sync.WaitGroup
			for range 100 {
				callers.Go(func() { want(t, v, what, token, kind) })
			}
			callers.Wait()
		}
		ask("active", one, nil)
		issuer.Revoke(one)
		ask("revoked meanwhile", one, nil)
		ask("another token", two, nil)
		if n := len(network.sent(introspectPath)); n != 2 {
			t.Errorf("%d requests about two tokens, want 2", n)
		}
		time.Sleep(time.Second)
		ask("revoked", one, verify.ErrRevoked)
		sent := network.sent(introspectPath)
		if id, secret, _ := sent[0].BasicAuth(); id != "api" || secret != "s" || len(sent) != 3 {
			t.Errorf("%d requests, credentials %q, %q", len(sent), id, secret)
		}

		for name, respond := range map[string]func(*http.Request) (*http.Response, error){
			"401":       answerWith(introspectPath, http.StatusUnauthorized, `{"active":true}`),
			"no member": answerWith(introspectPath, http.StatusOK, `{}`), "no JSON": answerWith(introspectPath, http.StatusOK, ""),
			"error": func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") },
			"stuck": stuck,
		} {
			network.set(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == introspectPath {
					return respond(r)
				}
				return noFeed(r)
			}, nil)
			time.Sleep(10 * time.Second)
			ask(name, two, verify.ErrUnavailable)
		}
	})
}

// A caller that goes does not wait for the issuer.
func TestVerify_EndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{
			Revocation: verify.Introspect(bound), Client: verify.Client{ID: "api", Secret: "s"},
		})
		known := issuer.Token(verifytest.Claims{})
		issuer.Rotate()
		network.set(stuck, nil)
		time.Sleep(time.Minute)
		gone := errors.New("gone")
		unknown := issuer.Token(verifytest.Claims{})
		for what, token := range map[string]string{"introspection": known, "unknown kid": unknown} {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Millisecond, func() { cancel(gone) })
			if c, err := v.Verify(ctx, token); c != nil || !errors.Is(err, gone) {
				t.Errorf("%s: %v, %v", what, c, err)
			}
		}
	})
}

// The clock of the verifier may differ from that of the issuer by the leeway.
func TestVerify_Leeway(t *testing.T) {
	for _, tt := range []struct{ leeway, want time.Duration }{
		{0, 5 * time.Second}, {-1, 0}, {time.Second, time.Second}, {time.Minute, time.Minute},
	} {
		bubble(t, func(t *testing.T) {
			network, issuer := newLink(t)
			v := newVerifier(t, network, verify.Options{Leeway: tt.leeway})
			early := issuer.Token(verifytest.Claims{IssuedAt: time.Now().Add(tt.want)})
			want(t, v, "not too early", early, nil)
			early = issuer.Token(verifytest.Claims{IssuedAt: time.Now().Add(tt.want + time.Second)})
			want(t, v, "too early", early, verify.ErrNotYet)
			token := issuer.Token(verifytest.Claims{ExpiresAt: time.Now().Add(time.Minute)})
			time.Sleep(time.Minute + tt.want - time.Nanosecond)
			want(t, v, "just before", token, nil)
			time.Sleep(time.Nanosecond)
			want(t, v, "expired", token, verify.ErrExpired)
		})
	}
}
