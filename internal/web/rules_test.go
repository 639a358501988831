package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Rule 16: what is published has no private member, and every key says which it is and what it is for.
func TestRule16_NothingPrivateIsPublished(t *testing.T) {
	base := serve(t, handler(t, issuerID, nil))
	_, body := get(t, http.MethodGet, base+"/.well-known/jwks.json", nil)
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) < 6 { // three algorithms, each with an active key and a spare
		t.Errorf("%d keys are published", len(set.Keys))
	}
	kids := make(map[any]bool)
	public := map[string][]string{"RSA": {"e", "n"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
	for _, key := range set.Keys {
		kty, _ := key["kty"].(string)
		for name := range key {
			if !slices.Contains(append([]string{"alg", "kid", "kty", "use"}, public[kty]...), name) {
				t.Errorf("a key of kty %s has %q", kty, name)
			}
		}
		if kid, _ := key["kid"].(string); kid == "" || kids[kid] {
			t.Errorf("kid %q is empty or there twice", kid)
		}
		kids[key["kid"]] = true
		if alg := key["alg"]; key["use"] != "sig" || alg != "RS256" && alg != "ES256" && alg != "EdDSA" {
			t.Errorf("use %v, alg %v", key["use"], alg)
		}
	}
	_, metadata := get(t, http.MethodGet, base+"/.well-known/openid-configuration", nil)
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "keys"} {
		if strings.Contains(string(metadata), `"`+private+`":`) {
			t.Errorf("the metadata has %q: %s", private, metadata)
		}
	}
}

// Rule 20: the JWK Set may be kept as long as the policy says and not a second longer, by everybody, and nothing that a
// request says changes it.
func TestRule20_CachingOfTheJWKSet(t *testing.T) {
	base := serve(t, handler(t, issuerID, nil))
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		first, body := get(t, http.MethodGet, base+path, nil)
		cached(t, path, first)
		etag := first.Header.Get("ETag")

		for name, header := range map[string]http.Header{
			"Host":              {"Host": {"evil.example"}},
			"X-Forwarded-Host":  {"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"gopher"}, "X-Forwarded-Prefix": {"/evil"}},
			"Forwarded":         {"Forwarded": {"host=evil.example;proto=gopher"}},
			"X-Original-URL":    {"X-Original-Url": {"/livez"}, "X-Rewrite-Url": {"/livez"}, "X-Http-Method-Override": {"DELETE"}},
			"Origin and cookie": {"Origin": {"https://evil.example"}, "Cookie": {"a=b"}, "Authorization": {"Basic eDp5"}},
			"Accept":            {"Accept": {"application/jwk-set+json"}, "Accept-Language": {"de"}},
		} {
			r, other := get(t, http.MethodGet, base+path, header)
			if r.StatusCode != http.StatusOK || string(other) != string(body) || r.Header.Get("ETag") != etag {
				t.Errorf("%s: %s changes the answer: %d %s", path, name, r.StatusCode, other)
			}
			cached(t, path, r)
		}
		for condition, status := range map[string]int{
			etag: 304, "W/" + etag: 304, `"x", ` + etag: 304, `"x",W/` + etag + `,"y"`: 304, "*": 304,
			`"x"`: 200, `W/"x"`: 200, strings.Trim(etag, `"`): 200,
		} {
			r, body := get(t, http.MethodGet, base+path, http.Header{"If-None-Match": {condition}})
			if r.StatusCode != status || (status == 304) != (len(body) == 0) {
				t.Errorf("%s: If-None-Match %s: %d, want %d", path, condition, r.StatusCode, status)
			}
			if r.Header.Get("ETag") != etag || r.Header.Get("Cache-Control") != first.Header.Get("Cache-Control") ||
				r.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: If-None-Match %s: %v", path, condition, r.Header)
			}
		}
		for name, c := range map[string]struct {
			header http.Header
			status int
			body   string
		}{
			"another version": {http.Header{"If-Match": {`"x"`}}, 412, ""},
			"this version":    {http.Header{"If-Match": {etag}}, 200, string(body)},
			"a part":          {http.Header{"Range": {"bytes=0-3"}}, 206, string(body[:4])},
			"no part":         {http.Header{"Range": {"bytes=99999-"}}, 416, "invalid range: failed to overlap\n"},
		} {
			if r, got := get(t, http.MethodGet, base+path, c.header); r.StatusCode != c.status || string(got) != c.body {
				t.Errorf("%s: %s: %d %s", path, name, r.StatusCode, got)
			}
		}
		if r, none := get(t, http.MethodHead, base+path, nil); r.StatusCode != 200 || len(none) != 0 || r.ContentLength != int64(len(body)) {
			t.Errorf("%s: HEAD: %d, %d bytes, Content-Length %d", path, r.StatusCode, len(none), r.ContentLength)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
			if r, _ := get(t, method, base+path, nil); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %s: %d, Allow %q", path, method, r.StatusCode, r.Header.Get("Allow"))
			}
		}
	}
}
