package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// newGatewayTest returns a gateway in front of an application that answers 204,
// and the last request that the application got. check answers in place of
// Signet.
func newGatewayTest(t *testing.T, check http.HandlerFunc) (g http.Handler, got *http.Request) {
	t.Helper()
	signet := httptest.NewServer(check)
	t.Cleanup(signet.Close)
	got = new(http.Request)
	application := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = *r
		w.WriteHeader(http.StatusNoContent)
	})
	return gateway{signet.URL + "/forward-auth/-", "https", "shop.example"}.require(application), got
}

// send sends a request with headers that a browser must not be able to choose.
func send(t *testing.T, g http.Handler) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/orders?page=2", nil)
	for _, name := range []string{
		"Authorization", "Cookie", "X-Forwarded-Host", "X-Forwarded-Method", "X-Forwarded-Uri",
	} {
		r.Header.Set(name, "forged")
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func TestGateway_ReplacesAuthorizationAndCookie(t *testing.T) {
	g, got := newGatewayTest(t, func(w http.ResponseWriter, r *http.Request) {
		for name, want := range map[string]string{
			"X-Forwarded-Method": "POST", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example",
			"X-Forwarded-Uri": "/orders?page=2", "Cookie": "forged",
		} {
			if values := r.Header.Values(name); len(values) != 1 || values[0] != want {
				t.Errorf("the question has %s: %q, want %q", name, values, want)
			}
		}
		w.Header().Set("Authorization", "Bearer token")
		w.Header()["Cookie"] = []string{""}
	})
	if w := send(t, g); w.Code != http.StatusNoContent {
		t.Errorf("the answer is %d", w.Code)
	}
	if values := got.Header.Values("Authorization"); len(values) != 1 || values[0] != "Bearer token" {
		t.Errorf("the application got Authorization: %q", values)
	}
	if values := got.Header.Values("Cookie"); len(values) != 0 {
		t.Errorf("the application got Cookie: %q", values)
	}
}

func TestGateway_PassesNothingWithoutApproval(t *testing.T) {
	for _, status := range []int{302, 401, 403, 404, 503} {
		g, got := newGatewayTest(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://shop.example/login")
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(status)
		})
		w := send(t, g)
		if w.Code != status || w.Header().Get("Location") == "" || w.Header().Get("Retry-After") != "3" {
			t.Errorf("for %d the browser gets %d %v", status, w.Code, w.Header())
		}
		if got.Method != "" {
			t.Errorf("for %d the application got a request", status)
		}
	}

	g, got := newGatewayTest(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if w := send(t, g); w.Code != http.StatusServiceUnavailable || got.Method != "" {
		t.Errorf("without an answer of Signet: %d, and the application got %q", w.Code, got.Method)
	}
}
