package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/revocation"
)

// A publicKey is a key of the issuer that verifies signatures.
type publicKey struct {
	algorithm string
	key       crypto.PublicKey
	// hash is that of a revocation entry about the key.
	hash revocation.Hash
}

// maxKeyID is the length of the longest kid, in bytes.
const maxKeyID = 256

// A jwk is the members of a JWK (RFC 7517 §4).
type jwk map[string]json.RawMessage

// parseJWKSet parses a JWK Set (RFC 7517 §5). It ignores keys that cannot
// verify a token of the issuer: of another type or for another use, without a
// kid, malformed or weak (RFC 8725 §3.5). skipped has the reasons. It returns
// an error if no key is left, if two keys have one kid, or if the set has
// private keys.
func parseJWKSet(body []byte) (keys map[string]publicKey, skipped []error, err error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, nil, errors.New("the JWK Set is malformed")
	}

	keys = map[string]publicKey{}
	seen := map[string]bool{}
	for n, k := range set.Keys {
		if k.private() {
			return nil, nil, fmt.Errorf("key %d of the JWK Set is private", n+1)
		}
		kid, ok := k.text("kid")
		if ok && seen[kid] {
			return nil, nil, fmt.Errorf("two keys of the JWK Set have the kid %.100q", kid)
		}
		seen[kid] = true
		key, err := k.publicKey()
		if err == nil && (kid == "" || len(kid) > maxKeyID) {
			err = errors.New("it has no kid, or one of more than 256 bytes")
		}
		if err != nil {
			skipped = append(skipped, fmt.Errorf("key %d of the JWK Set, %.100q: %w", n+1, kid, err))
			continue
		}
		key.hash = revocation.Key.Hash(kid)
		keys[kid] = key
	}
	if len(keys) == 0 {
		return nil, nil, errors.Join(append([]error{errors.New("the JWK Set has no usable key")}, skipped...)...)
	}
	return keys, skipped, nil
}

// private reports whether the key has a private or symmetric member (RFC 7518
// §6).
func (k jwk) private() bool {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, ok := k[name]; ok {
			return true
		}
	}
	return false
}

// publicKey returns the key, with the algorithm that belongs to its type.
func (k jwk) publicKey() (publicKey, error) {
	if use, ok := k.text("use"); k["use"] != nil && (!ok || use != "sig") {
		return publicKey{}, errors.New("it is not for signatures")
	}
	if operations, ok := k["key_ops"]; ok {
		var list []string
		if json.Unmarshal(operations, &list) != nil || !slices.Contains(list, "verify") {
			return publicKey{}, errors.New("it is not for verifying signatures")
		}
	}

	key, err := k.public()
	if err != nil {
		return publicKey{}, err
	}
	algorithm, err := jws.AlgorithmOf(key)
	if err != nil {
		return publicKey{}, err
	}
	if alg, ok := k.text("alg"); k["alg"] != nil && (!ok || alg != algorithm) {
		return publicKey{}, errors.New("its alg is not supported")
	}
	return publicKey{algorithm: algorithm, key: key}, nil
}

// public decodes the key. It does not check whether the key is weak.
func (k jwk) public() (crypto.PublicKey, error) {
	kty, _ := k.text("kty")
	crv, _ := k.text("crv")
	switch {
	case kty == "RSA": // RFC 7518 §6.3.1
		n, e := new(big.Int).SetBytes(k.bytes("n")), new(big.Int).SetBytes(k.bytes("e"))
		if e.BitLen() > 31 {
			return nil, errors.New("the RSA exponent is too large")
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
	case kty == "EC" && crv == "P-256": // RFC 7518 §6.2.1
		x, y := k.bytes("x"), k.bytes("y")
		if len(x) != 32 || len(y) != 32 {
			return nil, errors.New("the coordinates of an EC key do not have 32 bytes")
		}
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	case kty == "OKP" && crv == "Ed25519": // RFC 8037 §2
		return ed25519.PublicKey(k.bytes("x")), nil
	}
	return nil, errors.New("its type is not supported")
}

// text returns a member that is a string.
func (k jwk) text(name string) (text string, ok bool) {
	err := json.Unmarshal(k[name], &text)
	return text, err == nil && string(k[name]) != "null"
}

// bytes returns a member in base64url, or nil.
func (k jwk) bytes(name string) []byte {
	text, _ := k.text(name)
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}
