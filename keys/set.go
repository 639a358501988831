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
)

// A Set is the JWK Set as it is served. It does not change once made.
type Set struct {
	// Bytes are the JWK Set as JSON (RFC 7517 section 5).
	Bytes []byte
	// ETag is a strong validator of Bytes, with its quotes (RFC 9110 section 8.8.3).
	ETag string
	// MaxAge is for how long the set may be cached.
	MaxAge time.Duration
}

// newSet publishes keys, the oldest first. Equal rings give equal bytes on every server. It is given public keys only, and
// sets the members kid, use and alg of each, since verifiers differ in which they can do without.
func newSet(published []Key, public func(kid string) crypto.PublicKey, maxAge time.Duration) (*Set, error) {
	published = slices.Clone(published)
	slices.SortFunc(published, func(a, b Key) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
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
		return nil, fmt.Errorf("write the JWK Set: %w", err)
	}
	sum := sha256.Sum256(text)
	return &Set{Bytes: text, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, MaxAge: maxAge}, nil
}

func publicJWK(k Key, public crypto.PublicKey) (jwk.Key, error) {
	if err := checkPublic(k.Algorithm, public); err != nil { // A private or symmetric key ends here.
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
