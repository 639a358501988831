package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Rule 16: a published document has no private member, and every key has a kid,
// a use and an alg.
func TestRule16_NothingPrivateIsPublished(t *testing.T) {
	base := serve(t, newHandler(t, Options{}))
	_, body := do(t, http.MethodGet, base+"/.well-known/jwks.json", nil)
	var set struct{ Keys []map[string]any }
	must(t, json.Unmarshal(body, &set))
	if len(set.Keys) < 6 { // three algorithms, each with an active key and the next key
		t.Errorf("%d keys are published, want at least 6", len(set.Keys))
	}

	kids := make(map[any]bool)
	public := map[string][]string{"RSA": {"e", "n"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
	for _, key := range set.Keys {
		kty, _ := key["kty"].(string)
		for name := range key {
			if !slices.Contains(append([]string{"alg", "kid", "kty", "use"}, public[kty]...), name) {
				t.Errorf("a key of kty %s has the member %q", kty, name)
			}
		}
		if kid, _ := key["kid"].(string); kid == "" || kids[kid] {
			t.Errorf("kid %q is empty or not unique", kid)
		}
		kids[key["kid"]] = true
		if alg := key["alg"]; key["use"] != "sig" || alg != "RS256" && alg != "ES256" && alg != "EdDSA" {
			t.Errorf("a key has use %v and alg %v", key["use"], alg)
		}
	}

	_, metadata := do(t, http.MethodGet, base+"/.well-known/openid-configuration", nil)
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "keys"} {
		if strings.Contains(string(metadata), `"`+private+`":`) {
			t.Errorf("the metadata has the member %q: %s", private, metadata)
		}
	}
}

// Rule 20: anyone may cache the JWK Set for as long as the policy says, and no
// longer. No header of a request changes the document.
func TestRule20_CachingOfTheJWKSet(t *testing.T) {
	base := serve(t, newHandler(t, Options{}))
	for _, path := range []string{
		"/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
	} {
		first, body := do(t, http.MethodGet, base+path, nil)
		wantCacheable(t, path, first)
		etag := first.Header.Get("ETag")

		for name, header := range map[string]http.Header{
			"Host": {"Host": {"evil.example"}},
			"X-Forwarded-Host": {
				"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"gopher"}, "X-Forwarded-Prefix": {"/evil"},
			},
			"Forwarded": {"Forwarded": {"host=evil.example;proto=gopher"}},
			"X-Original-URL": {
				"X-Original-Url": {"/livez"}, "X-Rewrite-Url": {"/livez"}, "X-Http-Method-Override": {"DELETE"},
			},
			"Origin and cookie": {
				"Origin": {"https://evil.example"}, "Cookie": {"a=b"}, "Authorization": {"Basic eDp5"},
			},
			"Accept": {"Accept": {"application/jwk-set+json"}, "Accept-Language": {"de"}},
		} {
			r, other := do(t, http.MethodGet, base+path, header)
			if r.StatusCode != http.StatusOK || string(other) != string(body) || r.Header.Get("ETag") != etag {
				t.Errorf("%s: %s changes the response: %d %s", path, name, r.StatusCode, other)
			}
			wantCacheable(t, path, r)
		}

		for condition, status := range map[string]int{
			etag: 304, "W/" + etag: 304, `"x", ` + etag: 304, `"x",W/` + etag + `,"y"`: 304, "*": 304,
			`"x"`: 200, `W/"x"`: 200, strings.Trim(etag, `"`): 200,
		} {
			r, got := do(t, http.MethodGet, base+path, http.Header{"If-None-Match": {condition}})
			if r.StatusCode != status || (status == 304) != (len(got) == 0) {
				t.Errorf("%s: If-None-Match %s: got status %d and %d bytes, want status %d",
					path, condition, r.StatusCode, len(got), status)
			}
			if r.Header.Get("ETag") != etag || r.Header.Get("Cache-Control") != first.Header.Get("Cache-Control") ||
				r.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: If-None-Match %s: got header %v", path, condition, r.Header)
			}
		}

		for name, c := range map[string]struct {
			header http.Header
			status int
			body   string
		}{
			"another ETag":   {http.Header{"If-Match": {`"x"`}}, 412, ""},
			"the same ETag":  {http.Header{"If-Match": {etag}}, 200, string(body)},
			"a range":        {http.Header{"Range": {"bytes=0-3"}}, 206, string(body[:4])},
			"an empty range": {http.Header{"Range": {"bytes=99999-"}}, 416, "invalid range: failed to overlap\n"},
		} {
			if r, got := do(t, http.MethodGet, base+path, c.header); r.StatusCode != c.status || string(got) != c.body {
				t.Errorf("%s: %s: got %d %s", path, name, r.StatusCode, got)
			}
		}

		r, none := do(t, http.MethodHead, base+path, nil)
		if r.StatusCode != 200 || len(none) != 0 || r.ContentLength != int64(len(body)) {
			t.Errorf("%s: HEAD: got status %d, %d bytes, Content-Length %d",
				path, r.StatusCode, len(none), r.ContentLength)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
			if r, _ := do(t, method, base+path, nil); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %s: got status %d, Allow %q", path, method, r.StatusCode, r.Header.Get("Allow"))
			}
		}
	}
}

// wantCacheable checks that a response is a public document that may be cached
// for five minutes.
func wantCacheable(t *testing.T, path string, r *http.Response) {
	t.Helper()
	for header, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=300, must-revalidate",
		"Access-Control-Allow-Origin": "*", "Set-Cookie": "", "Vary": "",
	} {
		if got := r.Header.Get(header); got != want {
			t.Errorf("%s: %s is %q, want %q", path, header, got, want)
		}
	}
	etag := r.Header.Get("ETag")
	if len(etag) < 10 || etag[0] != '"' || etag[len(etag)-1] != '"' || strings.Count(etag, `"`) != 2 {
		t.Errorf("%s: ETag is %s", path, etag)
	}
}
