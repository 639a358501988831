package verify

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"testing"
)

// jwkOf returns the JWK of a public key.
func jwkOf(t *testing.T, key any) map[string]any {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := key.(type) {
	case *rsa.PublicKey:
		e := big.NewInt(int64(k.E)).Bytes()
		return map[string]any{
			"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(e), "kid": "r", "alg": "RS256", "use": "sig",
		}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		n := (len(point) - 1) / 2
		return map[string]any{
			"kty": "EC", "crv": k.Curve.Params().Name, "x": b64(point[1 : n+1]), "y": b64(point[n+1:]),
			"kid": "e", "alg": "ES256", "use": "sig",
		}
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(k), "kid": "o", "alg": "EdDSA", "use": "sig"}
	}
	t.Fatalf("%T", key)
	return nil
}

// with returns a copy of a JWK with a member replaced, or removed if value is
// nil.
func with(k map[string]any, name string, value any) map[string]any {
	k = maps.Clone(k)
	if k[name] = value; value == nil {
		delete(k, name)
	}
	return k
}

func setOf(t *testing.T, keys ...map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"keys": keys, "future": true})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Rule 17: keys that are weak, malformed or not for signatures of the issuer
// are not used. A set with private keys, or with one kid twice, is refused.
func TestRule17_KeysOfTheIssuer(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, e, o := jwkOf(t, &private.PublicKey), jwkOf(t, &p256.PublicKey), jwkOf(t, edwards)
	weak := &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).Rsh(private.N, 1024), 0, 1), E: 65537}

	b64 := base64.RawURLEncoding.EncodeToString
	for name, bad := range map[string]map[string]any{
		"RSA of 1024 bits": jwkOf(t, weak), "e of 3": with(r, "e", b64([]byte{3})), "e of 1": with(r, "e", "AQ"),
		"e of 8 bytes": with(r, "e", b64([]byte{1, 0, 0, 0, 0, 1, 0, 1})), "no n": with(r, "n", nil),
		"n with padding": with(r, "n", r["n"].(string)+"=="), "n a number": with(r, "n", 7),
		"small order": with(o, "x", b64(append([]byte{1}, make([]byte, 31)...))), "short x": with(o, "x", "AAAA"),
		"X25519": with(o, "crv", "X25519"),
		"P-384":  jwkOf(t, &p384.PublicKey), "off the curve": with(e, "y", e["x"]),
		"x with a zero before it": with(e, "x", b64(append([]byte{0}, make([]byte, 32)...))),
		"encryption":              with(o, "use", "enc"), "use not text": with(o, "use", 1),
		"signs only": with(o, "key_ops", []string{"sign"}), "key_ops not a list": with(o, "key_ops", "verify"),
		"PS256": with(r, "alg", "PS256"), "RSA with ES256": with(r, "alg", "ES256"),
		"alg not text": with(o, "alg", true),
		"no kid":       with(o, "kid", nil), "empty kid": with(o, "kid", ""), "kid not text": with(o, "kid", 1),
		"long kid":     with(o, "kid", strings.Repeat("k", 257)),
		"type unknown": with(o, "kty", "AKP"), "no type": with(o, "kty", nil),
	} {
		good := with(e, "kid", "good")
		keys, skipped, err := parseJWKSet(setOf(t, with(bad, "ext", "x"), good))
		if err != nil || len(keys) != 1 || keys["good"].algorithm != "ES256" || len(skipped) != 1 {
			t.Errorf("%s: %v, skipped %v, %v", name, keys, skipped, err)
		}
		if keys, _, err := parseJWKSet(setOf(t, bad)); err == nil {
			t.Errorf("only %s: %v", name, keys)
		}
	}

	for name, set := range map[string][]byte{
		"private RSA": setOf(t, with(r, "d", "AQAB"), o), "private prime": setOf(t, with(r, "p", "AQAB"), o),
		"private OKP":      setOf(t, r, with(o, "d", "AQAB")),
		"symmetric":        setOf(t, o, map[string]any{"kty": "oct", "k": "AQAB"}),
		"one kid twice":    setOf(t, r, with(o, "kid", "r")),
		"a weak key's kid": setOf(t, jwkOf(t, weak), with(o, "kid", "r")),
	} {
		if keys, _, err := parseJWKSet(set); err == nil {
			t.Errorf("%s: %v", name, keys)
		}
	}

	good := setOf(t, with(r, "alg", nil), with(e, "use", nil), with(o, "key_ops", []string{"verify"}))
	keys, skipped, err := parseJWKSet(good)
	if err != nil || len(skipped) != 0 || len(keys) != 3 || !private.PublicKey.Equal(keys["r"].key) ||
		!p256.PublicKey.Equal(keys["e"].key) || !edwards.Equal(keys["o"].key) ||
		keys["r"].algorithm+keys["e"].algorithm+keys["o"].algorithm != "RS256ES256EdDSA" {
		t.Errorf("good keys: %v, skipped %v, %v", keys, skipped, err)
	}
}
