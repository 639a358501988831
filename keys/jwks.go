package keys

import (
	"cmp"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/signetd/signet/internal/jws"
)

// A Set is the JWK Set as it is served. It is immutable.
type Set struct {
	// Bytes is the JWK Set as JSON (RFC 7517 section 5).
	Bytes []byte
	// ETag is a strong validator of Bytes, with its quotes (RFC 9110 section
	// 8.8.3).
	ETag string
	// MaxAge is how long the set may be cached.
	MaxAge time.Duration
}

// newSet returns the JWK Set of the keys, the oldest key first. Equal rings
// give equal bytes on every server. It gets only the public keys. Each JWK has
// the members kid, use and alg, because verifiers differ in which they require.
func newSet(published []Key, public func(kid string) crypto.PublicKey, maxAge time.Duration) (*Set, error) {
	published = slices.Clone(published)
	slices.SortFunc(published, func(a, b Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})

	set := jwk.NewSet()
	for _, k := range published {
		key, err := publicJWK(k, public(k.ID))
		if err != nil {
			return nil, fmt.Errorf("publish the key %s: %w", k.ID, err)
		}
		if err := set.AddKey(key); err != nil {
			return nil, fmt.Errorf("publish the key %s: %w", k.ID, err)
		}
	}

	text, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("encode the JWK Set: %w", err)
	}
	sum := sha256.Sum256(text)
	return &Set{Bytes: text, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, MaxAge: maxAge}, nil
}

// publicJWK returns the JWK of a public key. It returns an error for a private
// or symmetric key.
func publicJWK(k Key, public crypto.PublicKey) (jwk.Key, error) {
	if err := jws.CheckPublicKey(k.Algorithm, public); err != nil {
		return nil, err
	}
	key, err := jwk.FromRaw(public)
	if err != nil {
		return nil, err
	}

	for name, value := range map[string]any{
		jwk.KeyIDKey:     k.ID,
		jwk.KeyUsageKey:  jwk.ForSignature,
		jwk.AlgorithmKey: jwa.SignatureAlgorithm(k.Algorithm),
	} {
		if err := key.Set(name, value); err != nil {
			return nil, err
		}
	}
	return key, nil
}
