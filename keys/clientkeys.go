package keys

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/signetd/signet/internal/jws"
)

// A ClientKey is a public key of a client. The client signs assertions with
// the private key.
type ClientKey struct {
	// ID is the kid in the client's JWK, or the thumbprint (RFC 7638) if the
	// JWK has no kid.
	ID string
	// Algorithm is the only algorithm that the key verifies.
	Algorithm string
	// Public is the key as a SubjectPublicKeyInfo.
	Public []byte
}

// maxKeyID is the maximum length of a client key's kid, in bytes.
const maxKeyID = 256

// ParseClientKeys parses the public keys of a client: a JWK Set or a single JWK
// (RFC 7517). It rejects the whole set if one key is private or symmetric, is
// not for signatures, is weak, or has the kid of another key. Its errors are
// fixed texts that do not quote the input, so the caller may show them.
func ParseClientKeys(text []byte) ([]ClientKey, error) {
	set, err := jwk.Parse(text)
	if err != nil {
		return nil, errors.New("it is not a JWK Set of RSA, EC and OKP keys")
	}

	var all []ClientKey
	for n := range set.Len() {
		key, _ := set.Key(n)
		k, err := parseClientKey(key)
		if err == nil && slices.ContainsFunc(all, func(other ClientKey) bool { return other.ID == k.ID }) {
			err = errors.New("another key has its kid")
		}
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", n+1, err)
		}
		all = append(all, k)
	}
	if len(all) == 0 {
		return nil, errors.New("it has no key")
	}
	return all, nil
}

func parseClientKey(key jwk.Key) (k ClientKey, err error) {
	switch key.(type) {
	case jwk.RSAPublicKey, jwk.ECDSAPublicKey, jwk.OKPPublicKey:
	default:
		return k, errors.New("it is not a public key; keep private and symmetric keys secret")
	}
	if use := key.KeyUsage(); use != "" && use != string(jwk.ForSignature) {
		return k, errors.New("it is not for signatures")
	}
	if ops := key.KeyOps(); len(ops) > 0 && !slices.Contains(ops, jwk.KeyOpVerify) {
		return k, errors.New("it is not for verifying signatures")
	}

	var public crypto.PublicKey
	if err := key.Raw(&public); err != nil {
		return k, errors.New("it is malformed")
	}
	if k.Algorithm, err = jws.AlgorithmOf(public); err != nil {
		return k, err
	}
	alg := key.Algorithm().String()
	if alg != "" && alg != k.Algorithm && (alg != "Ed25519" || k.Algorithm != EdDSA) {
		return k, fmt.Errorf("its alg is not supported; with this key it must be %s", k.Algorithm)
	}

	if k.ID = key.KeyID(); k.ID == "" {
		k.ID, err = thumbprint(public)
	}
	if err == nil && len(k.ID) > maxKeyID {
		err = errors.New("its kid is longer than 256 bytes")
	}
	if err != nil {
		return k, err
	}
	k.Public, err = x509.MarshalPKIXPublicKey(public)
	return k, err
}
