package keys

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/signetd/signet/internal/jws"
)

// A Set is the JWK Set as it is served at one time. It is immutable.
type Set struct {
	// Bytes is the JWK Set as JSON (RFC 7517 section 5).
	Bytes []byte
	// ETag is a strong validator of Bytes, with its quotes (RFC 9110 section
	// 8.8.3).
	ETag string
	// MaxAge is how long the set may be cached.
	MaxAge time.Duration
}

// A publishedKey is a key of the JWK Set, encoded as a JWK.
type publishedKey struct {
	Key
	jwk []byte
}

// publish encodes the public key of a row as a JWK. The JWK has the members
// kid, use and alg, because verifiers differ in which they require.
func publish(k Key, public crypto.PublicKey) (publishedKey, error) {
	key, err := publicJWK(k, public)
	if err != nil {
		return publishedKey{}, fmt.Errorf("publish the key %s: %w", k.ID, err)
	}
	text, err := json.Marshal(key)
	if err != nil {
		return publishedKey{}, fmt.Errorf("publish the key %s: %w", k.ID, err)
	}
	return publishedKey{k, text}, nil
}

// sets are the JWK Sets of one ring, each from a moment on at which a key may
// begin to sign. They have the same keys in another order.
type sets []datedSet

type datedSet struct {
	from time.Time
	set  *Set
}

// newSets returns the JWK Sets of the published keys. Equal rings give equal
// bytes on every server.
func newSets(published []publishedKey, r Ring, schedules map[string]schedule, maxAge time.Duration) sets {
	moments := []time.Time{Always}
	for _, k := range r.Keys {
		if k.Algorithm != MAC && k.DestroyedAt.IsZero() && k.ActivateAt.After(Always) {
			moments = append(moments, k.ActivateAt)
		}
	}
	slices.SortFunc(moments, time.Time.Compare)

	var all sets
	for _, from := range slices.CompactFunc(moments, time.Time.Equal) {
		set := newSet(published, schedules, from, maxAge)
		if len(all) == 0 || !bytes.Equal(all[len(all)-1].set.Bytes, set.Bytes) {
			all = append(all, datedSet{from, set})
		}
	}
	return all
}

// at returns the set of a moment.
func (s sets) at(now time.Time) *Set {
	i := len(s) - 1
	for i > 0 && s[i].from.After(now) {
		i--
	}
	return s[i].set
}

// newSet returns the JWK Set of a moment, in the order of setOrder.
//
// Its ETag has a digest of the keys and, after a dot, one of the bytes: so
// revocation.SameKeys finds out whether only the order has changed.
func newSet(published []publishedKey, schedules map[string]schedule, now time.Time, maxAge time.Duration) *Set {
	ordered := slices.Clone(published)
	slices.SortFunc(ordered, func(a, b publishedKey) int { return strings.Compare(a.ID, b.ID) })
	keys := digest(join(ordered))
	slices.SortStableFunc(ordered, setOrder(schedules, now))
	text := join(ordered)
	return &Set{Bytes: text, ETag: `"` + keys + "." + digest(text) + `"`, MaxAge: maxAge}
}

// setOrder returns the order of the keys in the JWK Set: RSA, EC and OKP keys,
// and of each algorithm the key that signs, the next ones, then the earlier
// ones, the latest first. Some verifiers ignore the kid and take the first key
// that fits.
func setOrder(schedules map[string]schedule, now time.Time) func(a, b publishedKey) int {
	const active, preActive, earlier = 0, 1, 2
	rank := func(k publishedKey) int {
		switch schedules[k.Algorithm].state(k.Key, now) {
		case Active:
			return active
		case PreActive:
			return preActive
		}
		return earlier
	}
	return func(a, b publishedKey) int {
		order := cmp.Or(
			cmp.Compare(slices.Index(signingAlgorithms, a.Algorithm), slices.Index(signingAlgorithms, b.Algorithm)),
			cmp.Compare(rank(a), rank(b)),
		)
		switch {
		case order != 0:
			return order
		case rank(a) == preActive:
			return compareNext(a.Key, b.Key)
		}
		return cmp.Or(b.ActivateAt.Compare(a.ActivateAt), b.CreatedAt.Compare(a.CreatedAt))
	}
}

// join returns the JWK Set with the keys in their order.
func join(keys []publishedKey) []byte {
	all := make([][]byte, len(keys))
	for i, k := range keys {
		all[i] = k.jwk
	}
	return slices.Concat([]byte(`{"keys":[`), bytes.Join(all, []byte(",")), []byte("]}"))
}

// digest returns 128 bits of SHA-256 in base64url.
func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
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
