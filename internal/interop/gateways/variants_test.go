package gateways

import (
	"net/http"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// withCache are directives for a cache of the answers of the server for
// gateways. nginx's default key has no cookie.
const withCache = "proxy_cache answers; proxy_cache_valid any 1m;"

// A cache in nginx does not give one user's access token to another: the
// answers of the server say that they must not be stored.
func (f *fixture) tryCache(t *testing.T) {
	subjects := func(t *testing.T, more string) (ada, bob string) {
		g := gateway{name: "nginx", configure: func(t *testing.T, f *fixture, dir, address string) []string {
			return nginxWith(t, f, dir, address, "proxy_cache_path "+dir+"/cache keys_zone=answers:1m;", more)
		}}
		b := g.start(t, f)
		get := func(username string) string {
			s, err := page(b.send2).login(username)
			if err != nil {
				t.Fatal(err)
			}
			r, err := b.send(0, "GET /orders HTTP/1.1", "Host: "+host, "Cookie: "+s.cookie)
			if err != nil {
				t.Fatal(err)
			}
			return string(r.body)
		}
		return get("ada"), get("bob")
	}

	t.Run("as it is", func(t *testing.T) {
		if ada, bob := subjects(t, withCache); ada == "" || bob == "" || ada == bob {
			t.Errorf("the application got the subjects %q and %q", ada, bob)
		}
	})
	// This shows that the cache works.
	t.Run("against the standard", func(t *testing.T) {
		if ada, bob := subjects(t, withCache+" proxy_ignore_headers Cache-Control;"); ada == "" || ada != bob {
			t.Errorf("the application got the subjects %q and %q", ada, bob)
		}
	})
}

// HAProxy passes on no request if the script fails.
func (f *fixture) tryBrokenScript(t *testing.T) {
	g := gateway{name: "HAProxy", configure: func(t *testing.T, f *fixture, dir, address string) []string {
		return haproxyWith(t, f, dir, address, programs.Block(t, "gateways/haproxy.md", "lua",
			"127.0.0.1:8082", f.gateway,
			"    if answer.status == 200 then\n", "    error('the script fails')\n    if answer.status == 200 then\n"))
	}}
	f.tryWithoutServer(t, g.start(t, f), http.StatusServiceUnavailable)
}
