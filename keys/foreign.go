package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// A ForeignKey is the public key of somebody who proves something to us by their private one.
type ForeignKey struct {
	// ID is the kid that its owner gave it, or else its thumbprint (RFC 7638).
	ID string
	// Algorithm is the one that it signs with.
	Algorithm string
	// Public is the key as a SubjectPublicKeyInfo.
	Public []byte
}

// maxKeyID bounds the kid of a foreign key, in bytes.
const maxKeyID = 256

// ReadForeignSet reads somebody's public keys: a JWK Set or a single JWK (RFC 7517). It refuses the whole set for one key that
// is private or symmetric, is not for signatures, protects too little, or has a kid that another one has. What its errors
// say is fixed words.
func ReadForeignSet(text []byte) ([]ForeignKey, error) {
	set, err := jwk.Parse(text)
	if err != nil {
		return nil, errors.New("it is not a JWK Set of RSA, EC and OKP keys")
	}
	var all []ForeignKey
	for n := range set.Len() {
		key, _ := set.Key(n)
		f, err := readForeign(key)
		if err == nil && slices.ContainsFunc(all, func(other ForeignKey) bool { return other.ID == f.ID }) {
			err = errors.New("another key has its kid")
		}
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", n+1, err)
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return nil, errors.New("it has no key")
	}
	return all, nil
}

func readForeign(key jwk.Key) (f ForeignKey, err error) {
	switch key.(type) {
	case jwk.RSAPublicKey, jwk.ECDSAPublicKey, jwk.OKPPublicKey:
	default:
		return f, errors.New("it is not a public key; only the public half may leave its owner")
	}
	if use := key.KeyUsage(); use != "" && use != string(jwk.ForSignature) {
		return f, errors.New("it is not for signatures")
	}
	if ops := key.KeyOps(); len(ops) > 0 && !slices.Contains(ops, jwk.KeyOpVerify) {
		return f, errors.New("it is not for verifying signatures")
	}
	var public crypto.PublicKey
	if err := key.Raw(&public); err != nil {
		return f, errors.New("it is malformed")
	}
	if f.Algorithm, err = algorithmOf(public); err != nil {
		return f, err
	}
	if given := key.Algorithm().String(); given != "" && given != f.Algorithm && (given != "Ed25519" || f.Algorithm != EdDSA) {
		return f, fmt.Errorf("it is for an algorithm that is not read; with this key it must be %s", f.Algorithm)
	}
	if f.ID = key.KeyID(); f.ID == "" {
		f.ID, err = thumbprint(public)
	}
	if err == nil && len(f.ID) > maxKeyID {
		err = errors.New("its kid is longer than 256 bytes")
	}
	if err != nil {
		return f, err
	}
	f.Public, err = x509.MarshalPKIXPublicKey(public)
	return f, err
}

// algorithmOf returns what a key signs with. It refuses keys that do not protect, and those of other types.
func algorithmOf(public crypto.PublicKey) (algorithm string, err error) {
	switch public.(type) {
	case *rsa.PublicKey:
		algorithm = RS256
	case *ecdsa.PublicKey:
		algorithm = ES256
	case ed25519.PublicKey:
		algorithm = EdDSA
	}
	return algorithm, checkPublic(algorithm, public)
}
