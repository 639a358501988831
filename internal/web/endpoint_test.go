package web

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/oauth"
)

// Rule 34: no response of these endpoints may be cached.
func TestRule34_ResponsesAreNotCached(t *testing.T) {
	f := newFixture(t)
	tokens := f.login(t, "web")
	check := func(what string, r jsonResponse) {
		t.Helper()
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Pragma": "no-cache", "ETag": "", "Access-Control-Allow-Origin": "",
			"X-Content-Type-Options": "nosniff",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", what, name, got, want)
			}
		}
	}

	check("refresh", f.refresh(t, "web", tokens.RefreshToken))
	check("invalid_grant", f.refresh(t, "web", "x"))
	for _, path := range []string{"/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"} {
		check(path, f.post(t, path, f.basic("web"), "token", tokens.AccessToken))
		check(path+" without a client", f.post(t, path, http.Header{"Origin": {"https://evil.example"}}))
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			r := f.send(t, method, path, nil, "")
			check(method, r)
			if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "POST" {
				t.Errorf("%s %s: got status %d, Allow %q", method, path, r.StatusCode, r.Header.Get("Allow"))
			}
		}
	}
	must(t, f.Store.Close())
	check("refresh with a closed store", f.refresh(t, "web", tokens.RefreshToken))
}

// Rule 54: X-Forwarded-For counts only if a trusted proxy sends it, and only
// the address that this proxy has added. Forwarded counts instead if the
// settings say so.
func TestRule54_ForwardedForOverHTTP(t *testing.T) {
	f := newFixture(t)
	logged := func(forwarded ...string) string {
		t.Helper()
		f.Logs.Reset()
		header := f.basic("web")
		header["X-Forwarded-For"] = forwarded
		header["Forwarded"] = []string{"for=192.0.2.66"}
		f.post(t, "/oauth2/revoke", header, "token", "x").want(t, "revoke", http.StatusOK, "")
		return f.Logs.Text()
	}

	for want, forwarded := range map[string][]string{
		"203.0.113.9":  {"203.0.113.9"},
		"198.51.100.7": {"203.0.113.9, 198.51.100.7"},
		"2001:db8::1":  {"x", "2001:db8::1"},
		"192.0.2.77":   {"192.0.2.77:4711"},
		"2001:db8::2":  {"203.0.113.9, [2001:db8::2]:443, 127.0.0.1:80"},
		"unknown":      {"203.0.113.9, unknown"},
	} {
		if text := logged(forwarded...); !strings.Contains(text, `"origin":"`+want+`"`) {
			t.Errorf("X-Forwarded-For %q: got log %s, want origin %s", forwarded, text, want)
		}
	}

	o := f.options(issuerID)
	o.Proxies = oauth.Proxies{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Header: oauth.HeaderForwarded,
	}
	f.start(t, o)
	if text := logged("203.0.113.9"); !strings.Contains(text, `"origin":"192.0.2.66"`) {
		t.Errorf("Forwarded: got log %s", text)
	}

	f.start(t, f.options(issuerID)) // without trusted proxies
	if text := logged("203.0.113.9"); !strings.Contains(text, `"origin":"127.0.0.1"`) {
		t.Errorf("X-Forwarded-For of an untrusted peer: got log %s", text)
	}
}
