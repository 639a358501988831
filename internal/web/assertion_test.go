package web

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
)

// A signingKey is a client's, made and used without any code of ours.
type signingKey struct {
	kid, alg string
	private  crypto.Signer
}

// newKey makes one for ES256.
func newKey(t *testing.T, kid string) signingKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return signingKey{kid, "ES256", private}
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk returns the public half.
func (k signingKey) jwk() map[string]any {
	key := map[string]any{}
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, x and y
		if err != nil {
			panic(err)
		}
		key = map[string]any{"kty": "EC", "crv": "P-256", "x": base64url(point[1:33]), "y": base64url(point[33:])}
	case ed25519.PublicKey:
		key = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64url(public)}
	case *rsa.PublicKey:
		key = map[string]any{"kty": "RSA", "n": base64url(public.N.Bytes()), "e": "AQAB"}
	}
	if k.kid != "" {
		key["kid"] = k.kid
	}
	return key
}

// registered returns keys as they are kept of a client.
func (k signingKey) registered(t *testing.T, more ...signingKey) []client.Key {
	t.Helper()
	set := []any{k.jwk()}
	for _, other := range more {
		set = append(set, other.jwk())
	}
	found, err := admin.ReadClientKeys([]byte(text(t, map[string]any{"keys": set})))
	must(t, err)
	return found
}

// sign returns a JWT.
func (k signingKey) sign(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	input := base64url([]byte(text(t, header))) + "." + base64url([]byte(text(t, claims)))
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, errSign := ecdsa.Sign(rand.Reader, private, digest[:])
		err, signature = errSign, append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	}
	must(t, err)
	return input + "." + base64url(signature)
}

// assertion returns a good one for the client, but for what is changed; a nil takes a claim away.
func (k signingKey) assertion(t *testing.T, client string, changed map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": client, "sub": client, "aud": issuerID, "jti": rand.Text(), "iat": now, "nbf": now, "exp": now + 60,
	}
	maps.Copy(claims, changed)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	header := map[string]any{"alg": k.alg}
	if k.kid != "" {
		header["kid"] = k.kid
	}
	return k.sign(t, header, claims)
}

// asserted asks about nothing in particular as whoever the assertion says.
func (h *house) asserted(t *testing.T, assertion string, pairs ...string) answered {
	t.Helper()
	return h.post(t, "/oauth2/introspect", nil,
		append([]string{"token", "x", "client_assertion_type", assertionType, "client_assertion", assertion}, pairs...)...)
}

// setKeys gives the robot other keys, and waits until everybody knows.
func (h *house) setKeys(t *testing.T, keys []client.Key) {
	t.Helper()
	must(t, h.admin.UpdateClient(t.Context(), operator, "robot", func(c *client.Client) { c.Keys = keys }))
	must(t, h.directory.Poll(t.Context()))
}

func TestAssertionsOfEveryKind(t *testing.T) {
	h := openHouse(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for name, c := range map[string]struct {
		key, signer signingKey
		changed     map[string]any
	}{
		"the issuer":             {key: h.key},
		"the token endpoint":     {key: h.key, changed: map[string]any{"aud": issuerID + "/oauth2/token"}},
		"both in a list":         {key: h.key, changed: map[string]any{"aud": []string{issuerID, issuerID + "/oauth2/token"}}},
		"without iat and nbf":    {key: h.key, changed: map[string]any{"iat": nil, "nbf": nil}},
		"with a claim more":      {key: h.key, changed: map[string]any{"htu": "x"}},
		"ten minutes":            {key: h.key, changed: map[string]any{"exp": time.Now().Add(10 * time.Minute).Unix()}},
		"clock a little ahead":   {key: h.key, changed: map[string]any{"iat": time.Now().Add(5 * time.Second).Unix()}},
		"RS256":                  {key: signingKey{"r", "RS256", rsaKey}},
		"EdDSA":                  {key: signingKey{"e", "EdDSA", ed}},
		"EdDSA by its new name":  {key: signingKey{"e", "Ed25519", ed}},
		"one key, no kid":        {key: signingKey{"", "ES256", h.key.private}},
		"one key, kid left out":  {key: h.key, signer: signingKey{"", "ES256", h.key.private}},
		"another, equal in form": {key: newKey(t, "two")},
	} {
		h.setKeys(t, c.key.registered(t))
		signer := c.signer
		if signer.private == nil {
			signer = c.key
		}
		for range 4 { // of ES256 signatures about half have the larger s
			h.asserted(t, signer.assertion(t, "robot", c.changed)).want(t, name, http.StatusOK, "")
		}
	}
}

// Rule 12: an assertion is for this issuer alone, of the client that signed it, and good for a short time, once.
func TestRule12_Assertions(t *testing.T) {
	h := openHouse(t)
	second := newKey(t, "robot-2")
	now := time.Now()
	for name, changed := range map[string]map[string]any{
		"aud missing":             {"aud": nil},
		"aud empty":               {"aud": ""},
		"aud an empty list":       {"aud": []string{}},
		"aud of a stranger":       {"aud": "https://evil.example"},
		"aud ours and a stranger": {"aud": []string{issuerID, "https://evil.example"}},
		"aud with a slash":        {"aud": issuerID + "/"},
		"aud in other case":       {"aud": strings.ToUpper(issuerID)},
		"aud another endpoint":    {"aud": issuerID + "/oauth2/introspect"},
		"aud a number":            {"aud": 7},
		"iss missing":             {"iss": nil},
		"iss another client":      {"iss": "web"},
		"iss ours":                {"iss": issuerID},
		"sub missing":             {"sub": nil},
		"sub another client":      {"sub": "web"},
		"another client":          {"iss": "web", "sub": "web"},
		"a client without keys":   {"iss": "spa", "sub": "spa"},
		"an unknown client":       {"iss": "nobody", "sub": "nobody"},
		"a hostile client":        {"iss": "a\nb", "sub": "a\nb"},
		"exp missing":             {"exp": nil},
		"exp in the past":         {"exp": now.Add(-time.Second).Unix()},
		"exp text":                {"exp": fmt.Sprint(now.Add(time.Minute).Unix())},
		"exp far ahead":           {"exp": now.Add(11 * time.Minute).Unix()},
		"iat in the future":       {"iat": now.Add(20 * time.Second).Unix()},
		"nbf in the future":       {"nbf": now.Add(20 * time.Second).Unix()},
		"jti missing":             {"jti": nil},
		"jti empty":               {"jti": ""},
		"jti a number":            {"jti": 7},
		"jti too long":            {"jti": strings.Repeat("a", 300)},
	} {
		h.asserted(t, h.key.assertion(t, "robot", changed)).want(t, name, http.StatusUnauthorized, "invalid_client")
	}
	good := func() map[string]any {
		return map[string]any{"iss": "robot", "sub": "robot", "aud": issuerID, "jti": rand.Text(), "exp": now.Add(time.Minute).Unix()}
	}
	for name, header := range map[string]map[string]any{
		"alg none":       {"alg": "none", "kid": "robot-1"},
		"alg of another": {"alg": "RS256", "kid": "robot-1"},
		"alg symmetric":  {"alg": "HS256", "kid": "robot-1"},
		"kid of another": {"alg": "ES256", "kid": "robot-2"},
		"typ of another": {"alg": "ES256", "kid": "robot-1", "typ": "at+jwt"},
		"a jwk inside":   {"alg": "ES256", "kid": "robot-1", "jwk": h.key.jwk()},
		"crit":           {"alg": "ES256", "kid": "robot-1", "crit": []string{"x"}},
	} {
		h.asserted(t, h.key.sign(t, header, good())).want(t, name, http.StatusUnauthorized, "invalid_client")
	}
	h.asserted(t, second.assertion(t, "robot", nil)).want(t, "an unknown key", http.StatusUnauthorized, "invalid_client")
	forger := signingKey{"robot-1", "ES256", second.private}
	h.asserted(t, forger.assertion(t, "robot", nil)).want(t, "a forged signature", http.StatusUnauthorized, "invalid_client")
	h.asserted(t, "x").want(t, "no JWT", http.StatusUnauthorized, "invalid_client")
	h.asserted(t, h.key.assertion(t, "robot", nil), "client_id", "web").want(t, "another client_id", http.StatusUnauthorized, "invalid_client")

	once := h.key.assertion(t, "robot", nil)
	h.asserted(t, once, "client_id", "robot").want(t, "the first time", http.StatusOK, "")
	h.asserted(t, once).want(t, "the second time", http.StatusUnauthorized, "invalid_client")
	h.ahead.Store(int64(55 * time.Second))
	h.asserted(t, once).want(t, "the third time, late", http.StatusUnauthorized, "invalid_client")
	h.ahead.Store(0)

	// Two keys: each needs its kid.
	h.setKeys(t, h.key.registered(t, second))
	h.asserted(t, second.assertion(t, "robot", nil)).want(t, "a key that is new", http.StatusOK, "")
	for _, k := range []signingKey{h.key, second} {
		h.asserted(t, signingKey{"", "ES256", k.private}.assertion(t, "robot", nil)).
			want(t, "two keys, no kid", http.StatusUnauthorized, "invalid_client")
	}
	must(t, h.admin.DisableClient(t.Context(), operator, "robot"))
	must(t, h.directory.Poll(t.Context()))
	h.asserted(t, h.key.assertion(t, "robot", nil)).want(t, "disabled", http.StatusUnauthorized, "invalid_client")
}

// What a client proved by an assertion is asked of the store; if it cannot say, nobody is refused for good.
func TestAssertionWhileTheStoreIsAway(t *testing.T) {
	h := openHouse(t)
	must(t, h.store.Close())
	a := h.asserted(t, h.key.assertion(t, "robot", nil))
	a.want(t, "the store is away", http.StatusServiceUnavailable, "temporarily_unavailable")
	if a.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
}

func TestClientKeysThatCannotBe(t *testing.T) {
	k := newKey(t, "k")
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // it is to be refused
	must(t, err)
	with := func(name string, value any) map[string]any {
		key := k.jwk()
		key[name] = value
		return key
	}
	for name, c := range map[string]struct {
		set  any
		want string
	}{
		"no JSON":           {"x", "not a JWK Set"},
		"no key":            {map[string]any{"keys": []any{}}, "no key"},
		"private":           {with("d", base64url(make([]byte, 32))), "not a public key"},
		"symmetric":         {map[string]any{"kty": "oct", "k": "AAAA"}, "not a public key"},
		"unknown kty":       {map[string]any{"kty": "AKP", "pub": "AAAA"}, "not a JWK Set"},
		"for encryption":    {with("use", "enc"), "not for signatures"},
		"for signing":       {with("key_ops", []string{"sign"}), "not for verifying"},
		"other algorithm":   {with("alg", "ES384"), "must be ES256"},
		"off the curve":     {with("x", base64url(make([]byte, 32))), "key 1"},
		"RSA of 1024 bits":  {signingKey{"r", "RS256", small}.jwk(), "1024 bits"},
		"same kid twice":    {map[string]any{"keys": []any{k.jwk(), newKey(t, "k").jwk()}}, "key 2: another key has its kid"},
		"kid too long":      {with("kid", strings.Repeat("a", 257)), "kid is longer"},
		"X25519":            {map[string]any{"kty": "OKP", "crv": "X25519", "x": base64url(make([]byte, 32))}, "key 1"},
		"Ed25519, small":    {map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64url(make([]byte, 32))}, "small order"},
		"one good, one bad": {map[string]any{"keys": []any{k.jwk(), with("use", "enc")}}, "key 2"},
	} {
		input, err := json.Marshal(c.set)
		must(t, err)
		if _, err := admin.ReadClientKeys(input); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for name, good := range map[string]any{
		"with alg": with("alg", "ES256"), "with use": with("use", "sig"), "with key_ops": with("key_ops", []string{"verify"}),
		"without kid": signingKey{"", "ES256", k.private}.jwk(),
	} {
		input, err := json.Marshal(good)
		must(t, err)
		if found, err := admin.ReadClientKeys(input); err != nil || len(found) != 1 || found[0].ID == "" || found[0].Algorithm != "ES256" {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
}
