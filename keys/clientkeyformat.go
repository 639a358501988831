package keys

import (
	"crypto/x509"
	"encoding/json"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// FormatClientKeys returns the public keys of a client as a JWK Set, which
// ParseClientKeys accepts.
func FormatClientKeys(all []ClientKey) ([]byte, error) {
	set := jwk.NewSet()
	for _, k := range all {
		public, err := x509.ParsePKIXPublicKey(k.Public)
		if err != nil {
			return nil, err
		}
		key, err := publicJWK(Key{ID: k.ID, Algorithm: k.Algorithm}, public)
		if err != nil {
			return nil, err
		}
		if err := set.AddKey(key); err != nil {
			return nil, err
		}
	}
	return json.Marshal(set)
}
