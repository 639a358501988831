package web

import (
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestRequestsAreCountedByRoute: nothing that a caller makes up is among the labels but its method.
func TestRequestsAreCountedByRoute(t *testing.T) {
	var mu sync.Mutex
	var got []string
	door, err := Handler(Options{
		Issuer: issuerID, Keys: openKeys(t), Log: slog.New(slog.DiscardHandler),
		Watch: Watch{Count: func(route, method, code string, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if took <= 0 {
				t.Errorf("%s took %s", route, took)
			}
			got = append(got, route+" "+method+" "+code)
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	base := serve(t, door)
	for _, r := range [][2]string{
		{"GET", "/.well-known/jwks.json"},
		{"HEAD", "/.well-known/jwks.json?x=1"},
		{"POST", "/.well-known/jwks.json"},
		{"GET", "/livez"},
		{"GET", "/readyz"},
		{"GET", "/secret-in-a-path"},
		{"BREW", "/livez"},
		{"BREW", "/oauth2/token?x=1"},
	} {
		get(t, r[0], base+r[1], nil)
	}
	want := []string{
		"/.well-known/jwks.json GET 200", "/.well-known/jwks.json HEAD 200", " POST 405",
		"/livez GET 200", "/readyz GET 200", " GET 404", " BREW 405",
		"/oauth2/token BREW 405",
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(got, want) {
		t.Errorf("counted %q, want %q", got, want)
	}
}

func TestOpsServesTheMetrics(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) })
	base := serve(t, Ops(nil, metrics, slog.New(slog.DiscardHandler)))
	if r, body := get(t, http.MethodGet, base+"/metrics", nil); r.StatusCode != http.StatusOK || string(body) != "up 1\n" {
		t.Errorf("%d %q", r.StatusCode, body)
	}
}
