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

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
)

// A signingKey is the key of a client. It makes JWKs and JWTs with the standard
// library only, independently of the code under test.
type signingKey struct {
	kid, alg string
	private  crypto.Signer
}

// newSigningKey returns a new key for ES256.
func newSigningKey(kid string) signingKey {
	return signingKey{kid, "ES256", orPanic(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
}

// jwk returns the public key.
func (k signingKey) jwk() map[string]any {
	key := map[string]any{}
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point := orPanic(public.Bytes()) // the byte 4, then x and y
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

// sign returns a JWT with this header and these claims.
func (k signingKey) sign(header, claims map[string]any) string {
	input := base64url(orPanic(json.Marshal(header))) + "." + base64url(orPanic(json.Marshal(claims)))
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		signature = append(orPanic(r, err).FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *rsa.PrivateKey:
		signature = orPanic(rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:]))
	}
	return input + "." + base64url(signature)
}

// registeredKeys returns the keys in the form in which a client registers them.
func registeredKeys(signers ...signingKey) []client.Key {
	var set []any
	for _, k := range signers {
		set = append(set, k.jwk())
	}
	return orPanic(admin.ReadClientKeys(orPanic(json.Marshal(map[string]any{"keys": set}))))
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func orPanic[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
