package web

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// The labels of a count have nothing from the caller except the method.
func TestObserver_CountsByRoute(t *testing.T) {
	var mu sync.Mutex
	var got []string
	count := func(route, method, code string, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if took <= 0 {
			t.Errorf("%s took %s", route, took)
		}
		got = append(got, route+" "+method+" "+code)
	}
	base := serve(t, newHandler(t, Options{Observer: Observer{Count: count}}))

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
		do(t, r[0], base+r[1], nil)
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
