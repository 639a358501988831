package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// The tests of a service need no issuer: verifytest has one.
func TestOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		api := newHandler(iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second)}))
		get := func(path, token string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			return w
		}

		token := iss.Token(verifytest.Claims{Subject: "ada", Scope: "read"})
		if w := get("/orders", token); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"subject":"ada"`) {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
		if w := get("/orders", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("without a token: %d", w.Code)
		}
		other := iss.Token(verifytest.Claims{Subject: "ada", Scope: "write"})
		if w := get("/orders", other); w.Code != http.StatusForbidden {
			t.Errorf("without the scope: %d", w.Code)
		}

		// The stream ends when its token is revoked, and so does the access.
		began := time.Now()
		time.AfterFunc(10500*time.Millisecond, func() { iss.Revoke(token) })
		w := get("/orders/events", token)
		if took := time.Since(began); took < 10*time.Second || took > 11500*time.Millisecond {
			t.Errorf("the stream ended after %v", took)
		}
		if !strings.HasSuffix(w.Body.String(), "event: end\ndata: invalid token: revoked\n\n") {
			t.Errorf("the stream ended with %q", w.Body)
		}
		if w := get("/orders", token); w.Code != http.StatusUnauthorized {
			t.Errorf("with a revoked token: %d", w.Code)
		}
	})
}
