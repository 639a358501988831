package keys_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/keys"
)

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return inPEM("PRIVATE KEY", der)
}

// inJWK returns a key as a JWK with changed members.
func inJWK(t *testing.T, key any, change map[string]any) string {
	t.Helper()
	k, err := jwk.FromRaw(key)
	must(t, err)
	text, err := json.Marshal(k)
	must(t, err)
	var members map[string]any
	must(t, json.Unmarshal(text, &members))
	maps.Copy(members, change)
	text, err = json.Marshal(members)
	must(t, err)
	return string(text)
}

// externalKeys are keys that were generated elsewhere.
type externalKeys struct {
	rsa     *rsa.PrivateKey
	p256    *ecdsa.PrivateKey
	edwards ed25519.PrivateKey
}

func newExternalKeys(t *testing.T) (s externalKeys) {
	t.Helper()
	var err error
	s.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	s.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	_, s.edwards, err = ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return s
}

// A key in each format becomes the spare. It is published at once, replaces the
// previous spare, and is active after the next rotation.
func TestImport_KeyBecomesTheSpare(t *testing.T) {
	f := newFixture(t)
	f.setInUse(keys.RS256, keys.ES256, keys.EdDSA)
	m := f.open()
	for name, create := range map[string]func(externalKeys) (algorithm, text string, public crypto.PublicKey){
		"PKCS #8": func(s externalKeys) (string, string, crypto.PublicKey) {
			return keys.RS256, "\n" + pkcs8(t, s.rsa) + "\n\n", s.rsa.Public()
		},
		"PKCS #1": func(s externalKeys) (string, string, crypto.PublicKey) {
			return keys.RS256, inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(s.rsa)), s.rsa.Public()
		},
		"SEC 1": func(s externalKeys) (string, string, crypto.PublicKey) {
			der, err := x509.MarshalECPrivateKey(s.p256)
			must(t, err)
			parameters := inPEM("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})
			return keys.ES256, parameters + inPEM("EC PRIVATE KEY", der), s.p256.Public()
		},
		"RSA JWK": func(s externalKeys) (string, string, crypto.PublicKey) {
			members := map[string]any{"use": "sig", "alg": "RS256"}
			return keys.RS256, inJWK(t, s.rsa, members), s.rsa.Public()
		},
		"EC JWK": func(s externalKeys) (string, string, crypto.PublicKey) {
			return keys.ES256, inJWK(t, s.p256, nil), s.p256.Public()
		},
		"Ed25519 JWK": func(s externalKeys) (string, string, crypto.PublicKey) {
			return keys.EdDSA, inJWK(t, s.edwards, nil), s.edwards.Public()
		},
		"Ed25519 PEM": func(s externalKeys) (string, string, crypto.PublicKey) {
			return keys.EdDSA, pkcs8(t, s.edwards), s.edwards.Public()
		},
	} {
		t.Run(name, func(t *testing.T) {
			algorithm, text, public := create(newExternalKeys(t))
			before := kids(m, algorithm, keys.PreActive)

			kid, err := m.Operator().Import(t.Context(), audit.Actor{}, []byte(text), "")
			must(t, err)
			got, key, ok := publicKey(m, kid)
			if !ok || got != algorithm || !key.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
				t.Errorf("the key is not published: %s, %t", got, ok)
			}
			if after := kids(m, algorithm, keys.PreActive); len(before) != 1 || len(after) != 1 || after[0] != kid {
				t.Errorf("the spares were %q and are %q, want the imported %s", before, after, kid)
			}
			_, err = m.Operator().Import(t.Context(), audit.Actor{}, []byte(text), "")
			if err == nil || !strings.Contains(err.Error(), "already") {
				t.Errorf("the second import: %v", err)
			}

			_, err = m.Operator().Rotate(t.Context(), audit.Actor{}, []string{algorithm}, keys.RotateOptions{Now: true})
			must(t, err)
			if active := f.activeKID(m, algorithm); active != kid {
				t.Errorf("%s is active after the rotation, want %s", active, kid)
			}
			must(t, m.Poll(t.Context())) // It generates the next spare.
		})
	}
	if n := f.audited("key.imported"); n != 7 {
		t.Errorf("%d key.imported events, want 7", n)
	}
}

// Rule 17: Import rejects weak keys, private keys that do not match their
// public key, and everything else that is not a private signing key. The ring
// does not change, and no error quotes a secret.
func TestRule17_ImportRejectsWeakKeys(t *testing.T) {
	f := newFixture(t)
	f.setInUse(keys.RS256, keys.ES256, keys.EdDSA)
	m := f.open()
	version := f.ring().Version
	s, other := newExternalKeys(t), newExternalKeys(t)
	t.Setenv("GODEBUG", "rsa1024min=0")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	b64 := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	three := *s.rsa
	three.E = 3

	for name, text := range map[string]string{
		"RSA 1024":            inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(weak)),
		"e = 3":               inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(&three)),
		"RSA JWK, e = 1":      inJWK(t, s.rsa, map[string]any{"e": "AQ"}),
		"P-384":               pkcs8(t, p384),
		"other d, RSA":        inJWK(t, s.rsa, map[string]any{"d": b64(other.rsa.D.Bytes())}),
		"other d, EC":         inJWK(t, s.p256, map[string]any{"d": b64(scalar(t, other.p256))}),
		"other d, Ed25519":    inJWK(t, s.edwards, map[string]any{"d": b64(other.edwards.Seed())}),
		"small order":         inJWK(t, s.edwards, map[string]any{"x": b64(append([]byte{1}, make([]byte, 31)...))}),
		"public":              inJWK(t, s.rsa.Public(), nil),
		"symmetric":           inJWK(t, []byte("0123456789abcdef0123456789abcdef"), nil),
		"for encryption":      inJWK(t, s.rsa, map[string]any{"use": "enc"}),
		"for PS256":           inJWK(t, s.rsa, map[string]any{"alg": "PS256"}),
		"two keys":            pkcs8(t, s.rsa) + pkcs8(t, other.rsa),
		"encrypted":           inPEM("ENCRYPTED PRIVATE KEY", []byte("x")),
		"no key":              inPEM("CERTIFICATE", []byte("x")),
		"malformed":           inPEM("PRIVATE KEY", s.rsa.D.Bytes()),
		"neither PEM nor JWK": "sgr_" + b64(s.edwards.Seed()),
		"incomplete JWK":      strings.TrimSuffix(inJWK(t, s.edwards, nil), "}"),
		"empty":               "",
	} {
		_, err := m.Operator().Import(t.Context(), audit.Actor{}, []byte(text), "")
		if err == nil {
			t.Errorf("%s is imported", name)
			continue
		}
		for _, secret := range []string{
			b64(s.edwards.Seed()), b64(s.rsa.D.Bytes()), s.rsa.D.String(), b64(scalar(t, s.p256)),
		} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error quotes the key: %v", name, err)
			}
		}
	}

	if now := f.ring().Version; now != version {
		t.Errorf("the ring changed from version %d to %d", version, now)
	}

	sealed := f.ring().Keys
	if slices.ContainsFunc(sealed, func(k keys.Key) bool { return bytes.Contains(k.Sealed, s.edwards.Seed()) }) {
		t.Error("the ring has a private key that is not sealed")
	}
}

// scalar returns the private scalar of an EC key.
func scalar(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	d, err := key.Bytes()
	must(t, err)
	return d
}
