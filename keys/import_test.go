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

// inJWK returns a key as a JWK, some members changed.
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

// strangers are keys that were made elsewhere.
type strangers struct {
	rsa     *rsa.PrivateKey
	p256    *ecdsa.PrivateKey
	edwards ed25519.PrivateKey
}

func newStrangers(t *testing.T) (s strangers) {
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

// TestImportedKeyIsTheNext: in each of its forms a key becomes the spare, published at once; the spare of before makes way, and
// the next rotation hands over to it.
func TestImportedKeyIsTheNext(t *testing.T) {
	h := newHouse(t)
	h.use(keys.RS256, keys.ES256, keys.EdDSA)
	m := h.open()
	for name, make := range map[string]func(strangers) (algorithm, text string, public crypto.PublicKey){
		"PKCS #8": func(s strangers) (string, string, crypto.PublicKey) {
			return keys.RS256, "\n" + pkcs8(t, s.rsa) + "\n\n", s.rsa.Public()
		},
		"PKCS #1": func(s strangers) (string, string, crypto.PublicKey) {
			return keys.RS256, inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(s.rsa)), s.rsa.Public()
		},
		"SEC 1": func(s strangers) (string, string, crypto.PublicKey) {
			der, err := x509.MarshalECPrivateKey(s.p256)
			must(t, err)
			parameters := inPEM("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})
			return keys.ES256, parameters + inPEM("EC PRIVATE KEY", der), s.p256.Public()
		},
		"RSA JWK": func(s strangers) (string, string, crypto.PublicKey) {
			return keys.RS256, inJWK(t, s.rsa, map[string]any{"kid": "of before", "use": "sig", "alg": "RS256"}), s.rsa.Public()
		},
		"EC JWK": func(s strangers) (string, string, crypto.PublicKey) {
			return keys.ES256, inJWK(t, s.p256, nil), s.p256.Public()
		},
		"Ed25519 JWK": func(s strangers) (string, string, crypto.PublicKey) {
			return keys.EdDSA, inJWK(t, s.edwards, nil), s.edwards.Public()
		},
		"Ed25519 PEM": func(s strangers) (string, string, crypto.PublicKey) {
			return keys.EdDSA, pkcs8(t, s.edwards), s.edwards.Public()
		},
	} {
		t.Run(name, func(t *testing.T) {
			algorithm, text, public := make(newStrangers(t))
			before := h.spares(m, algorithm)
			kid, err := m.Import(t.Context(), keys.Actor{}, []byte(text))
			must(t, err)
			if got, key, ok := m.PublicKey(kid); !ok || got != algorithm || !key.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
				t.Errorf("it is not published: %s, %t", got, ok)
			}
			if after := h.spares(m, algorithm); len(before) != 1 || len(after) != 1 || after[0] != kid {
				t.Errorf("the spares were %q and are %q, want the imported %s", before, after, kid)
			}
			if _, err := m.Import(t.Context(), keys.Actor{}, []byte(text)); err == nil || !strings.Contains(err.Error(), "already") {
				t.Errorf("the second time: %v", err)
			}
			if _, err := m.Rotate(t.Context(), keys.Actor{}, []string{algorithm}, keys.RotateOptions{Now: true}); err != nil {
				t.Fatal(err)
			}
			if signs := h.signs(m, algorithm); signs != kid {
				t.Errorf("%s signs after the rotation, not %s", signs, kid)
			}
			must(t, m.Poll(t.Context())) // the next spare
		})
	}
	if n := h.audited("key.imported"); n != 7 {
		t.Errorf("%d events, want 7", n)
	}
}

// spares returns the pre-active keys of an algorithm.
func (h *house) spares(m *keys.Manager, algorithm string) (kids []string) {
	for _, row := range m.Rows() {
		if row.Algorithm == algorithm && row.State == keys.PreActive {
			kids = append(kids, row.Key)
		}
	}
	return kids
}

// TestRule17_NothingWeakIsImported: keys that do not protect, halves that do not belong together, and what is no private
// signing key at all. The ring stays as it is, and no error quotes a secret.
func TestRule17_NothingWeakIsImported(t *testing.T) {
	h := newHouse(t)
	h.use(keys.RS256, keys.ES256, keys.EdDSA)
	m := h.open()
	version := h.ring().Version
	s, other := newStrangers(t), newStrangers(t)
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
		"for another":         inJWK(t, s.rsa, map[string]any{"alg": "PS256"}),
		"two keys":            pkcs8(t, s.rsa) + pkcs8(t, other.rsa),
		"encrypted":           inPEM("ENCRYPTED PRIVATE KEY", []byte("x")),
		"no key":              inPEM("CERTIFICATE", []byte("x")),
		"broken":              inPEM("PRIVATE KEY", s.rsa.D.Bytes()),
		"neither PEM nor JWK": "sgr_" + b64(s.edwards.Seed()),
		"half a JWK":          strings.TrimSuffix(inJWK(t, s.edwards, nil), "}"),
		"nothing":             "",
	} {
		_, err := m.Import(t.Context(), keys.Actor{}, []byte(text))
		if err == nil {
			t.Errorf("%s is imported", name)
			continue
		}
		for _, secret := range []string{b64(s.edwards.Seed()), b64(s.rsa.D.Bytes()), s.rsa.D.String(), b64(scalar(t, s.p256))} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error quotes the key: %v", name, err)
			}
		}
	}
	if now := h.ring().Version; now != version {
		t.Errorf("the ring went from version %d to %d", version, now)
	}
	sealed := h.ring().Keys
	if slices.ContainsFunc(sealed, func(k keys.Key) bool { return bytes.Contains(k.Sealed, s.edwards.Seed()) }) {
		t.Error("a key lies open in the ring")
	}
}

// scalar returns the secret of an EC key.
func scalar(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	d, err := key.Bytes()
	must(t, err)
	return d
}
