package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/seal"
)

// macSize is the size of a MAC key in bytes.
const macSize = 32

// generate returns the row of a new key, without dates and KEK, and the private
// key to seal.
func generate(algorithm string, rsaBits int) (k Key, private []byte, err error) {
	k.Algorithm = algorithm
	var signer crypto.Signer
	switch algorithm {
	case MAC:
		var id [8]byte
		private = make([]byte, macSize)
		_, _ = rand.Read(id[:]) // It never returns an error: it ends the program.
		_, _ = rand.Read(private)
		k.ID = hex.EncodeToString(id[:])
		return k, private, nil
	case RS256:
		signer, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("unknown algorithm %q", algorithm)
	}
	if err != nil {
		return k, nil, err
	}
	return describe(signer)
}

// describe returns the row of a signing key, without dates and KEK, and the
// private key to seal. It rejects weak keys and keys whose private key does not
// match the public key.
func describe(signer crypto.Signer) (k Key, private []byte, err error) {
	if k.Algorithm, err = jws.AlgorithmOf(signer.Public()); err != nil {
		return k, nil, err
	}
	if err := checkPair(signer); err != nil {
		return k, nil, err
	}
	if k.Public, err = x509.MarshalPKIXPublicKey(signer.Public()); err != nil {
		return k, nil, err
	}
	if private, err = x509.MarshalPKCS8PrivateKey(signer); err != nil {
		return k, nil, errors.New("the private key is malformed") // The cause might quote it.
	}
	k.ID, err = thumbprint(signer.Public())
	return k, private, err
}

var errKeyPair = errors.New("the private key does not match the public key")

// checkPair checks that the private key belongs to the public key.
func checkPair(signer crypto.Signer) error {
	switch key := signer.(type) {
	case *rsa.PrivateKey:
		if len(key.Primes) != 2 || key.Validate() != nil {
			return errKeyPair
		}
	case *ecdsa.PrivateKey:
		secret, err := key.ECDH()
		if err != nil {
			return errKeyPair
		}
		public, err := key.PublicKey.ECDH()
		if err != nil || !secret.PublicKey().Equal(public) {
			return errKeyPair
		}
	case ed25519.PrivateKey:
		if len(key) != ed25519.PrivateKeySize || !ed25519.NewKeyFromSeed(key.Seed()).Equal(key) {
			return errKeyPair
		}
	}
	return nil
}

// An unsealed is a key of the ring whose private key is in memory.
type unsealed struct {
	public crypto.PublicKey // nil for a MAC key
	signer Signer
	secret []byte // of a MAC key
}

// unseal opens the private key of a row. It trusts the KEK only: an attacker
// who can write to the store but has no KEK cannot add or replace a key, or
// change its algorithm.
func unseal(k Key, keks *seal.KEKs) (unsealed, error) {
	private, err := keks.Open(k.KEK, k.label(), k.Sealed)
	if err != nil {
		return unsealed{}, err
	}

	if k.Algorithm == MAC {
		if len(private) != macSize {
			return unsealed{}, fmt.Errorf("the MAC key %s has %d bytes; want %d", k.ID, len(private), macSize)
		}
		return unsealed{secret: private}, nil
	}

	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return unsealed{}, fmt.Errorf("the private key of %s is malformed", k.ID) // The cause might quote it.
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return unsealed{}, fmt.Errorf("the key %s cannot sign", k.ID)
	}
	if err := checkRow(k, signer.Public()); err != nil {
		return unsealed{}, fmt.Errorf("the key %s: %w", k.ID, err)
	}

	u := unsealed{public: signer.Public()}
	u.signer, err = newSigner(k, signer)
	return u, err
}

// checkRow checks that the row describes this public key and that the key may
// be published. The seal of the private key binds it to the kid of the row.
func checkRow(k Key, public crypto.PublicKey) error {
	if err := jws.CheckPublicKey(k.Algorithm, public); err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return err
	}
	if !isKID(k.ID) {
		return errors.New("the kid of the row is malformed")
	}
	if !bytes.Equal(der, k.Public) {
		return errors.New("the public key of the row does not match the private key")
	}
	return nil
}
