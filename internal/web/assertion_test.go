package web

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
)

// assertion returns an assertion of the client that is valid except for the
// changed claims. A nil value removes a claim.
func (k signingKey) assertion(clientID string, changed map[string]any) string {
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": clientID, "sub": clientID, "aud": issuerID, "jti": rand.Text(), "iat": now, "nbf": now, "exp": now + 60,
	}
	maps.Copy(claims, changed)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	header := map[string]any{"alg": k.alg}
	if k.kid != "" {
		header["kid"] = k.kid
	}
	return k.sign(header, claims)
}

// sendAssertion sends an introspection request with a client assertion.
func (f *fixture) sendAssertion(t *testing.T, assertion string, pairs ...string) jsonResponse {
	t.Helper()
	pairs = append(pairs, "token", "x", "client_assertion_type", assertionType, "client_assertion", assertion)
	return f.post(t, "/oauth2/introspect", nil, pairs...)
}

// setKeys replaces the keys of the client robot and updates the registry.
func (f *fixture) setKeys(t *testing.T, signers ...signingKey) {
	t.Helper()
	keys := registeredKeys(signers...)
	must(t, f.Admin.UpdateClient(t.Context(), issuertest.Operator, "robot", func(c *client.Client) { c.Keys = keys }))
	must(t, f.Registry.Poll(t.Context()))
}

func TestAssertion_Accepted(t *testing.T) {
	f := newFixture(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	both := []string{issuerID, issuerID + "/oauth2/token"}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }

	for name, c := range map[string]struct {
		key, signer signingKey
		changed     map[string]any
	}{
		"aud is the issuer":         {key: robotKey},
		"aud is the token endpoint": {key: robotKey, changed: map[string]any{"aud": issuerID + "/oauth2/token"}},
		"aud is a list of both":     {key: robotKey, changed: map[string]any{"aud": both}},
		"without iat and nbf":       {key: robotKey, changed: map[string]any{"iat": nil, "nbf": nil}},
		"with another claim":        {key: robotKey, changed: map[string]any{"htu": "x"}},
		"valid for ten minutes":     {key: robotKey, changed: map[string]any{"exp": in(10 * time.Minute)}},
		"iat within the clock skew": {key: robotKey, changed: map[string]any{"iat": in(5 * time.Second)}},
		"RS256":                     {key: signingKey{"r", "RS256", rsaKey}},
		"EdDSA":                     {key: signingKey{"e", "EdDSA", ed}},
		"EdDSA as Ed25519":          {key: signingKey{"e", "Ed25519", ed}},
		"one key without kid":       {key: signingKey{"", "ES256", robotKey.private}},
		"one key, kid omitted":      {key: robotKey, signer: signingKey{"", "ES256", robotKey.private}},
		"another ES256 key":         {key: newSigningKey("two")},
	} {
		f.setKeys(t, c.key)
		signer := c.signer
		if signer.private == nil {
			signer = c.key
		}
		for range 4 { // about half of all ES256 signatures have the larger s
			f.sendAssertion(t, signer.assertion("robot", c.changed)).want(t, name, http.StatusOK, "")
		}
	}
}

// Rule 12: an assertion must be for this issuer only, must come from the client
// that has signed it, and is valid once, for a short time.
func TestRule12_Assertions(t *testing.T) {
	t.Parallel() // it mostly waits
	f := newFixture(t)
	second := newSigningKey("robot-2")
	now := time.Now()
	wantRejected := func(what, assertion string, pairs ...string) {
		t.Helper()
		f.sendAssertion(t, assertion, pairs...).want(t, what, http.StatusUnauthorized, "invalid_client")
	}

	for name, changed := range map[string]map[string]any{
		"aud missing":           {"aud": nil},
		"aud empty":             {"aud": ""},
		"aud an empty list":     {"aud": []string{}},
		"aud foreign":           {"aud": "https://evil.example"},
		"aud ours and foreign":  {"aud": []string{issuerID, "https://evil.example"}},
		"aud with a slash":      {"aud": issuerID + "/"},
		"aud in upper case":     {"aud": strings.ToUpper(issuerID)},
		"aud another endpoint":  {"aud": issuerID + "/oauth2/introspect"},
		"aud a number":          {"aud": 7},
		"iss missing":           {"iss": nil},
		"iss another client":    {"iss": "web"},
		"iss the issuer":        {"iss": issuerID},
		"sub missing":           {"sub": nil},
		"sub another client":    {"sub": "web"},
		"another client":        {"iss": "web", "sub": "web"},
		"a client without keys": {"iss": "spa", "sub": "spa"},
		"an unknown client":     {"iss": "nobody", "sub": "nobody"},
		"a malformed client id": {"iss": "a\nb", "sub": "a\nb"},
		"exp missing":           {"exp": nil},
		"exp in the past":       {"exp": now.Add(-time.Second).Unix()},
		"exp a string":          {"exp": fmt.Sprint(now.Add(time.Minute).Unix())},
		"exp too late":          {"exp": now.Add(11 * time.Minute).Unix()},
		"iat in the future":     {"iat": now.Add(20 * time.Second).Unix()},
		"nbf in the future":     {"nbf": now.Add(20 * time.Second).Unix()},
		"jti missing":           {"jti": nil},
		"jti empty":             {"jti": ""},
		"jti a number":          {"jti": 7},
		"jti too long":          {"jti": strings.Repeat("a", 300)},
	} {
		wantRejected(name, robotKey.assertion("robot", changed))
	}

	for name, header := range map[string]map[string]any{
		"alg none":                  {"alg": "none", "kid": "robot-1"},
		"alg of another key type":   {"alg": "RS256", "kid": "robot-1"},
		"alg symmetric":             {"alg": "HS256", "kid": "robot-1"},
		"kid of another key":        {"alg": "ES256", "kid": "robot-2"},
		"typ of an access token":    {"alg": "ES256", "kid": "robot-1", "typ": "at+jwt"},
		"a jwk in the header":       {"alg": "ES256", "kid": "robot-1", "jwk": robotKey.jwk()},
		"crit with an unknown name": {"alg": "ES256", "kid": "robot-1", "crit": []string{"x"}},
	} {
		wantRejected(name, robotKey.sign(header, map[string]any{
			"iss": "robot", "sub": "robot", "aud": issuerID, "jti": rand.Text(), "exp": now.Add(time.Minute).Unix(),
		}))
	}
	forger := signingKey{"robot-1", "ES256", second.private}
	wantRejected("an unknown key", second.assertion("robot", nil))
	wantRejected("a forged signature", forger.assertion("robot", nil))
	wantRejected("not a JWT", "x")
	wantRejected("another client_id", robotKey.assertion("robot", nil), "client_id", "web")

	once := robotKey.assertion("robot", nil)
	f.sendAssertion(t, once, "client_id", "robot").want(t, "the first use", http.StatusOK, "")
	wantRejected("the second use", once)
	f.Pass(t, 55*time.Second)
	wantRejected("the third use, 55 seconds later", once)
	f.Pass(t, -55*time.Second)

	// If a client has two keys, its assertions must have a kid.
	f.setKeys(t, robotKey, second)
	f.sendAssertion(t, second.assertion("robot", nil)).want(t, "a new key", http.StatusOK, "")
	for _, k := range []signingKey{robotKey, second} {
		wantRejected("two keys, no kid", signingKey{"", "ES256", k.private}.assertion("robot", nil))
	}
	must(t, f.Admin.DisableClient(t.Context(), issuertest.Operator, "robot"))
	must(t, f.Registry.Poll(t.Context()))
	wantRejected("a disabled client", robotKey.assertion("robot", nil))
}

// The store remembers used assertions. If it is not available, the client must
// get a temporary error instead of invalid_client.
func TestAssertion_StoreUnavailable(t *testing.T) {
	f := newFixture(t)
	must(t, f.Store.Close())
	r := f.sendAssertion(t, robotKey.assertion("robot", nil))
	r.want(t, "closed store", http.StatusServiceUnavailable, "temporarily_unavailable")
	if got := r.Header.Get("Retry-After"); got != "1" {
		t.Errorf("got Retry-After %q, want 1", got)
	}
}
