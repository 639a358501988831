package interop

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// A verifyFunc returns an error if it refuses the token.
type verifyFunc func(token string) error

// A namedToken is a token and what is particular about it.
type namedToken struct{ name, token string }

// checkVerifier checks that a verifier of f's audience accepts valid tokens,
// also after a rotation, and refuses all others, except those whose names begin
// with one of these texts.
func checkVerifier(t *testing.T, f *verifyFixture, verify verifyFunc, except ...string) {
	t.Helper()
	good := []namedToken{
		{"of a login, for two audiences", f.login.GetAccessToken()},
		{"of the client", f.mint(t)},
		{"signed by the test", f.sign(t, f.key, nil, nil)},
	}
	accepted := func(when string) {
		t.Helper()
		for _, token := range good {
			if err := verify(token.token); err != nil {
				t.Errorf("%s, a valid token %s is refused: %v", when, token.name, err)
			}
		}
	}
	accepted("at first")
	f.rotate(t)
	good = append(good, namedToken{"of the next key", f.mint(t)})
	accepted("after a rotation")

	for _, token := range append(f.invalid(t), f.forged(t)...) {
		want := slices.ContainsFunc(except, func(name string) bool { return strings.HasPrefix(token.name, name) })
		if err := verify(token.token); (err == nil) != want {
			t.Errorf("a token with %s: error %v, want it accepted: %t", token.name, err, want)
		}
	}
	before := f.fetches.Load()
	for n := range 10 {
		unknown := f.key
		unknown.kid = fmt.Sprint("invented-", n)
		if err := verify(f.sign(t, unknown, nil, nil)); err == nil {
			t.Error("a token whose kid is not in the JWK Set is accepted")
		}
	}
	if fetches := f.fetches.Load() - before; fetches > 2 {
		t.Errorf("%d fetches of the JWK Set for ten invented kids", fetches)
	}
	accepted("at the end")
}

// checkRefetch checks that a verifier fetches the JWK Set again if a kid is not
// in the set that it has.
func checkRefetch(t *testing.T, f *verifyFixture, verify verifyFunc) {
	t.Helper()
	if err := verify(f.mint(t)); err != nil {
		t.Errorf("a valid token is refused: %v", err)
	}
	f.rotate(t)
	f.rotate(t)
	before := f.fetches.Load()
	if err := verify(f.mint(t)); err != nil || f.fetches.Load() != before+1 {
		t.Errorf("after %d fetches, a token with a new kid gets %v", f.fetches.Load()-before, err)
	}
}

// invalid returns tokens with a valid signature that a verifier must refuse.
func (f *verifyFixture) invalid(t *testing.T) []namedToken {
	t.Helper()
	var tokens []namedToken
	now := time.Now()
	for name, claims := range map[string]map[string]any{
		"another audience":           {"aud": "https://second.example"},
		"several other audiences":    {"aud": []string{"https://second.example", "https://foreign.example"}},
		"the audience with a slash":  {"aud": f.audience + "/"},
		"no audience":                {"aud": nil},
		"another issuer":             {"iss": "https://login.other.example"},
		"the issuer with a slash":    {"iss": f.url + "/"},
		"no issuer":                  {"iss": nil},
		"expired an hour ago":        {"exp": now.Add(-time.Hour).Unix()},
		"expired two minutes ago":    {"exp": now.Add(-2 * time.Minute).Unix()},
		"no expiry":                  {"exp": nil},
		"not valid before this hour": {"nbf": now.Add(time.Hour).Unix()},
	} {
		tokens = append(tokens, namedToken{name, f.sign(t, f.key, nil, claims)})
	}
	for _, typ := range []any{"JWT", "revocations+jwt", "logout+jwt", nil} {
		tokens = append(tokens, namedToken{
			fmt.Sprint("typ ", typ), f.sign(t, f.key, map[string]any{"typ": typ}, nil),
		})
	}
	return append(tokens, namedToken{"another algorithm of the issuer", f.sign(t, f.foreign, nil, nil)})
}

// forged returns tokens without a valid signature.
func (f *verifyFixture) forged(t *testing.T) []namedToken {
	t.Helper()
	valid := f.sign(t, f.key, nil, nil)
	parts := strings.Split(valid, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(claims, []byte(`"sub":"`), []byte(`"sub":"x`), 1)

	stranger := f.key
	stranger.private = newPrivateKey(t, f.alg)
	embedded, err := jose.JSONWebKey{
		Key: stranger.private.(crypto.Signer).Public(), KeyID: f.key.kid, Algorithm: f.alg,
	}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(f.key.private.(crypto.Signer).Public())
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})

	return []namedToken{
		{"changed signature", forge(valid)},
		{"longer signature", valid + "A"},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"changed claims", parts[0] + "." + base64.RawURLEncoding.EncodeToString(changed) + "." + parts[2]},
		{"signed by a stranger", f.sign(t, stranger, nil, nil)},
		{"with the stranger's key", f.sign(t, stranger, map[string]any{"jwk": json.RawMessage(embedded)}, nil)},
		{"alg none", f.sign(t, signingKey{"none", f.key.kid, jwt.UnsafeAllowNoneSignatureType}, nil, nil)},
		{"HS256 with the public key", f.sign(t, signingKey{"HS256", f.key.kid, text}, nil, nil)},
		{"refresh token", f.login.GetRefreshToken()},
		{"no token", "a.b.c"},
	}
}
