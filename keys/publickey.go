package keys

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

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
