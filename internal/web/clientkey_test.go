package web

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/admin"
)

// Rule 17: a client's weak or private key is rejected at registration.
func TestRule17_InvalidClientKeys(t *testing.T) {
	k := newSigningKey("k")
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // the test wants a weak key
	must(t, err)
	with := func(name string, value any) map[string]any {
		key := k.jwk()
		key[name] = value
		return key
	}
	set := func(keys ...any) any { return map[string]any{"keys": keys} }
	zeros := base64url(make([]byte, 32))

	for name, c := range map[string]struct {
		input any
		want  string
	}{
		"not JSON":          {"x", "not a JWK Set"},
		"no key":            {set(), "no key"},
		"private":           {with("d", zeros), "not a public key"},
		"symmetric":         {map[string]any{"kty": "oct", "k": "AAAA"}, "not a public key"},
		"unknown kty":       {map[string]any{"kty": "AKP", "pub": "AAAA"}, "not a JWK Set"},
		"for encryption":    {with("use", "enc"), "not for signatures"},
		"for signing":       {with("key_ops", []string{"sign"}), "not for verifying"},
		"another algorithm": {with("alg", "ES384"), "must be ES256"},
		"not on the curve":  {with("x", zeros), "key 1"},
		"RSA of 1024 bits":  {signingKey{"r", "RS256", small}.jwk(), "1024 bits"},
		"duplicate kid":     {set(k.jwk(), newSigningKey("k").jwk()), "key 2: another key has its kid"},
		"kid too long":      {with("kid", strings.Repeat("a", 257)), "kid is longer"},
		"X25519":            {map[string]any{"kty": "OKP", "crv": "X25519", "x": zeros}, "key 1"},
		"Ed25519, small":    {map[string]any{"kty": "OKP", "crv": "Ed25519", "x": zeros}, "small order"},
		"valid, then not":   {set(k.jwk(), with("use", "enc")), "key 2"},
	} {
		input, err := json.Marshal(c.input)
		must(t, err)
		if _, err := admin.ReadClientKeys(input); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", name, err, c.want)
		}
	}

	for name, valid := range map[string]any{
		"with alg":     with("alg", "ES256"),
		"with use":     with("use", "sig"),
		"with key_ops": with("key_ops", []string{"verify"}),
		"without kid":  signingKey{"", "ES256", k.private}.jwk(),
	} {
		input, err := json.Marshal(valid)
		must(t, err)
		keys, err := admin.ReadClientKeys(input)
		if err != nil || len(keys) != 1 || keys[0].ID == "" || keys[0].Algorithm != "ES256" {
			t.Errorf("%s: got %v, %v", name, keys, err)
		}
	}
}
