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
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/signetd/signet/internal/seal"
)

// macSize is the size of a MAC key in bytes.
const macSize = 32

// generate makes a key: its row without dates and seal, and its private half as it will be sealed.
func generate(algorithm string, rsaBits int) (k Key, private []byte, err error) {
	k.Algorithm = algorithm
	var signer crypto.Signer
	switch algorithm {
	case MAC:
		var id [8]byte
		private = make([]byte, macSize)
		_, _ = rand.Read(id[:]) // It never fails: the runtime ends the program instead.
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
		err = fmt.Errorf("there is no algorithm %q", algorithm)
	}
	if err != nil {
		return k, nil, err
	}
	return describe(signer)
}

// thumbprint returns the kid of a public key (RFC 7638, RFC 8037 section 2).
func thumbprint(public crypto.PublicKey) (string, error) {
	key, err := jwk.FromRaw(public)
	if err != nil {
		return "", err
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// label binds a sealed private half to its row.
func (k Key) label() seal.Label { return seal.Label{Table: "keys", ID: k.ID, Algorithm: k.Algorithm} }

// opened is a key of the ring whose private half was unsealed.
type opened struct {
	public crypto.PublicKey // nil for a MAC key
	signer Signer
	secret []byte // of a MAC key
}

// open unseals a key. It trusts the KEK alone: whoever can only write to the store can neither slip in a key, nor exchange
// one, nor change its algorithm.
func (k Key) open(keks *seal.KEKs) (opened, error) {
	private, err := keks.Open(k.KEK, k.label(), k.Sealed)
	if err != nil {
		return opened{}, err
	}
	if k.Algorithm == MAC {
		if len(private) != macSize {
			return opened{}, fmt.Errorf("the MAC key %s has %d bytes", k.ID, len(private))
		}
		return opened{secret: private}, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return opened{}, fmt.Errorf("the private half of the key %s is malformed", k.ID) // The cause might quote it.
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return opened{}, fmt.Errorf("the key %s cannot sign", k.ID)
	}
	if err := k.matches(signer.Public()); err != nil {
		return opened{}, err
	}
	o := opened{public: signer.Public()}
	o.signer, err = newSigner(k, signer)
	return o, err
}

// matches says whether a public key is the one that the row tells of, and fit to be published.
func (k Key) matches(public crypto.PublicKey) error {
	if err := checkPublic(k.Algorithm, public); err != nil {
		return fmt.Errorf("the key %s: %w", k.ID, err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return fmt.Errorf("the key %s: %w", k.ID, err)
	}
	kid, err := thumbprint(public)
	if err != nil {
		return fmt.Errorf("the key %s: %w", k.ID, err)
	}
	if kid != k.ID || !bytes.Equal(der, k.Public) {
		return fmt.Errorf("the key %s has a public half that does not belong to it", k.ID)
	}
	return nil
}

// checkPublic refuses public keys that do not fit the algorithm or do not protect: RSA of less than 2048 bits or with an
// unusual exponent, elliptic keys on another curve, Ed25519 keys of small order (RFC 8725 section 3.5).
func checkPublic(algorithm string, public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		switch {
		case algorithm != RS256:
			return fmt.Errorf("an RSA key does not sign %s", algorithm)
		case key.N.BitLen() < 2048 || key.N.BitLen() > 8192:
			return fmt.Errorf("an RSA modulus of %d bits; 2048 to 8192 are allowed", key.N.BitLen())
		case key.N.Bit(0) == 0:
			return errors.New("an RSA modulus that is even")
		case key.E != 65537:
			return fmt.Errorf("the RSA exponent %d; only 65537 is allowed", key.E)
		}
		return nil
	case *ecdsa.PublicKey:
		if algorithm != ES256 || key.Curve != elliptic.P256() {
			return fmt.Errorf("a key on %s does not sign %s", key.Curve.Params().Name, algorithm)
		}
		if _, err := key.ECDH(); err != nil { // It checks that the point is on the curve.
			return fmt.Errorf("an elliptic key that is none: %w", err)
		}
		return nil
	case ed25519.PublicKey:
		switch {
		case algorithm != EdDSA:
			return fmt.Errorf("an Ed25519 key does not sign %s", algorithm)
		case len(key) != ed25519.PublicKeySize || smallOrder(key):
			return errors.New("an Ed25519 key of small order")
		}
		return nil
	}
	return fmt.Errorf("keys of the type %T are not allowed", public)
}

// The field of Curve25519 and the constants of Ed25519 (RFC 8032 section 5.1): the curve is -x² + y² = 1 + d·x²·y² with
// d = -121665/121666.
var (
	fieldPrime   = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	dNumerator   = big.NewInt(-121665)
	dDenominator = big.NewInt(121666)
)

// smallOrder says whether the point has an order that divides 8, in any encoding; every signature could be made to fit such
// a key. A point of order 1, 2 or 4 has y = 1, -1 or 0. A point of order 8 doubles to one with y = 0, and the doubled y is a
// multiple of x² + y²; so x² = -y², and the equation of the curve becomes d·y⁴ + 2·y² - 1 = 0.
func smallOrder(key ed25519.PublicKey) bool {
	encoded := bytes.Clone(key)
	slices.Reverse(encoded) // little-endian
	encoded[0] &= 0x7f      // the sign of x
	y := new(big.Int).SetBytes(encoded)
	y.Mod(y, fieldPrime)
	square := new(big.Int).Mul(y, y)
	if square.Mod(square, fieldPrime).Cmp(big.NewInt(1)) <= 0 {
		return true
	}
	sum := new(big.Int).Mul(square, square)
	sum.Mul(sum, dNumerator)
	sum.Add(sum, square.Mul(square, dDenominator).Lsh(square, 1))
	sum.Sub(sum, dDenominator)
	return sum.Mod(sum, fieldPrime).Sign() == 0
}
