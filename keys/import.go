package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// Import takes a private signing key that was made elsewhere, PEM (PKCS #8, PKCS #1, SEC 1) or a JWK, into the ring as the
// spare of its algorithm: it is published from now on and waits as long as any before it may sign. A spare without a date
// that was there makes way, since it has signed nothing. The kid is its RFC 7638 thumbprint, whatever it was elsewhere.
func (m *Manager) Import(ctx context.Context, by Actor, text []byte) (kid string, err error) {
	signer, err := parsePrivate(text)
	if err != nil {
		return "", err
	}
	k, private, err := describe(signer)
	if err != nil {
		return "", err
	}
	return k.ID, m.change(ctx, by, func(d *draft) error {
		if err := d.takeIn(k); err != nil {
			return err
		}
		kek, _ := d.ring.newestKEK()
		taken := &d.ring.Keys[len(d.ring.Keys)-1]
		taken.KEK = kek.ID
		taken.Sealed, err = m.ring.Load().keks.Seal(kek.ID, k.label(), private)
		return err
	})
}

// takeIn adds a key that was made elsewhere as the spare of its algorithm, still to be sealed.
func (d *draft) takeIn(k Key) error {
	if d.ring.key(k.ID) >= 0 {
		return fmt.Errorf("the key %s is in the ring already", k.ID)
	}
	if _, ok := d.active(k.Algorithm); !ok {
		return fmt.Errorf("nothing uses %s yet: give it to an audience first, and wait until its first key is there", k.Algorithm)
	}
	for _, i := range d.ring.preActive(k.Algorithm, d.now) {
		if old := d.ring.Keys[i]; old.ActivateAt.IsZero() {
			d.ring.Keys = slices.Delete(d.ring.Keys, i, i+1)
			d.note(EventKeyRetired, old.ID, "makes way for an imported key; it never signed")
			break
		}
	}
	k.CreatedAt = d.now
	d.ring.Keys = append(d.ring.Keys, k)
	d.note(EventKeyImported, k.ID, "asked by the operator")
	return nil
}

// describe returns the row of a private key without dates and seal, and what is to be sealed. It refuses keys that do not
// protect or whose halves do not belong together.
func describe(signer crypto.Signer) (k Key, private []byte, err error) {
	if k.Algorithm, err = algorithmOf(signer.Public()); err != nil {
		return k, nil, err
	}
	if err := checkHalves(signer); err != nil {
		return k, nil, err
	}
	if k.Public, err = x509.MarshalPKIXPublicKey(signer.Public()); err != nil {
		return k, nil, err
	}
	if private, err = x509.MarshalPKCS8PrivateKey(signer); err != nil {
		return k, nil, errors.New("the private half is malformed") // The cause might quote it.
	}
	k.ID, err = thumbprint(signer.Public())
	return k, private, err
}

var errHalves = errors.New("the private half does not belong to the public one")

// checkHalves holds the two halves of a key against each other.
func checkHalves(signer crypto.Signer) error {
	switch key := signer.(type) {
	case *rsa.PrivateKey:
		if len(key.Primes) != 2 || key.Validate() != nil {
			return errHalves
		}
	case *ecdsa.PrivateKey:
		secret, err := key.ECDH()
		if err != nil {
			return errHalves
		}
		public, err := key.PublicKey.ECDH()
		if err != nil || !secret.PublicKey().Equal(public) {
			return errHalves
		}
	case ed25519.PrivateKey:
		if len(key) != ed25519.PrivateKeySize || !ed25519.NewKeyFromSeed(key.Seed()).Equal(key) {
			return errHalves
		}
	}
	return nil
}

// parsePrivate reads one private key. Its errors never quote what it read.
func parsePrivate(text []byte) (crypto.Signer, error) {
	var (
		key any
		err error
	)
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("{")) {
		key, err = parseJWK(text)
	} else {
		key, err = parsePEM(text)
	}
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keys of the type %T are not allowed", key)
	}
	return signer, nil
}

func parseJWK(text []byte) (any, error) {
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return nil, errors.New("it is no private JWK")
	}
	if use := parsed.KeyUsage(); use != "" && use != string(jwk.ForSignature) {
		return nil, fmt.Errorf("the JWK is not for signatures (use is %q)", use)
	}
	var key any
	if err := parsed.Raw(&key); err != nil {
		return nil, errors.New("it is no private JWK")
	}
	switch alg := parsed.Algorithm().String(); alg {
	case "", RS256, ES256, EdDSA:
		return key, nil
	default:
		return nil, fmt.Errorf("the JWK is for %s; RS256, ES256 and EdDSA are known", alg)
	}
}

// parsePEM reads one PEM block, behind the parameters that some programs put before an elliptic key.
func parsePEM(text []byte) (any, error) {
	block, rest := pem.Decode(text)
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	switch {
	case block == nil:
		return nil, errors.New("it is neither PEM nor a JWK")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("it holds more than one key: one is wanted, and nothing else")
	case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
		return nil, errors.New("it is encrypted: decrypt it first (openssl pkey -in FILE)")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, errors.New("it is PEM, but no private key")
	}
	if err != nil {
		return nil, errors.New("the private key in it is malformed") // The cause might quote it.
	}
	return key, nil
}
