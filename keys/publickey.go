package keys

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// PublicPEM returns a key of the JWK Set as PEM (a SubjectPublicKeyInfo), for
// verifiers that read no JWK Set. It returns an error for every key that is not
// in the JWK Set.
func (o *Operator) PublicPEM(kid string) (algorithm string, text []byte, err error) {
	s := o.writer.cache.snapshot.Load()
	algorithm, public, err := s.publicKey(kid)
	i := s.ring.index(kid)
	switch {
	case i >= 0 && s.ring.Keys[i].Algorithm == MAC:
		return "", nil, refuse("the key %s is a MAC key, which has no public key", kid)
	case errors.Is(err, ErrUnknownKey):
		return "", nil, unknownKey(kid)
	case errors.Is(err, ErrCompromised):
		return "", nil, refuse("the key %s is compromised and not in the JWK Set: no verifier may use it", kid)
	case errors.Is(err, ErrDestroyed):
		return "", nil, refuse("the key %s was destroyed at %s and is not in the JWK Set: its tokens have expired",
			kid, s.ring.Keys[i].DestroyedAt.Format(time.RFC3339))
	case err != nil:
		return "", nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", nil, fmt.Errorf("encode the key %s: %w", kid, err)
	}
	return algorithm, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// thumbprint returns the kid of a public key (RFC 7638, RFC 8037 section 2).
func thumbprint(public crypto.PublicKey) (string, error) {
	key, err := jwk.FromRaw(public)
	if err != nil {
		return "", err
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// isThumbprint reports whether a kid has the form that thumbprint returns.
func isThumbprint(kid string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(kid)
	return err == nil && len(sum) == sha256.Size && len(kid) == base64.RawURLEncoding.EncodedLen(sha256.Size)
}

// thumbprintOf returns the thumbprint of a public key in PKIX DER, or an empty
// string if there is none.
func thumbprintOf(der []byte) string {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return ""
	}
	kid, err := thumbprint(public)
	if err != nil {
		return ""
	}
	return kid
}

// hasThumbprint reports whether the kid of a signing key is its thumbprint.
// Otherwise the key was imported.
func hasThumbprint(k Key) bool { return thumbprintOf(k.Public) == k.ID }

// maxKID is the maximum length of the kid of a signing key, in bytes.
const maxKID = 128

// isKID reports whether a text may be the kid of a signing key: printable
// ASCII without space, quote and backslash. So it stands as it is in JSON, in
// a shell and in a table.
func isKID(text string) bool {
	invalid := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	return text != "" && len(text) <= maxKID && !strings.ContainsFunc(text, invalid)
}
