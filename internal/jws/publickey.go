package jws

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// AlgorithmOf returns the signing algorithm of a public key. It rejects weak
// keys and keys of other types.
func AlgorithmOf(public crypto.PublicKey) (algorithm string, err error) {
	switch public.(type) {
	case *rsa.PublicKey:
		algorithm = rs256
	case *ecdsa.PublicKey:
		algorithm = es256
	case ed25519.PublicKey:
		algorithm = edDSA
	}
	return algorithm, CheckPublicKey(algorithm, public)
}

// CheckPublicKey rejects public keys that do not fit the algorithm and weak
// keys:
// RSA keys of fewer than 2048 bits or with an unusual exponent, EC keys on
// another curve, and Ed25519 keys of small order (RFC 8725 §3.5).
func CheckPublicKey(algorithm string, public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		switch {
		case algorithm != rs256:
			return fmt.Errorf("an RSA key cannot sign with %s", algorithm)
		case key.N.BitLen() < minRSABits || key.N.BitLen() > 8192:
			return fmt.Errorf("the RSA modulus has %d bits; want 2048 to 8192", key.N.BitLen())
		case key.N.Bit(0) == 0:
			return errors.New("the RSA modulus is even")
		case key.E != 65537:
			return fmt.Errorf("the RSA exponent is %d; want 65537", key.E)
		}
		return nil
	case *ecdsa.PublicKey:
		if algorithm != es256 || key.Curve != elliptic.P256() {
			return fmt.Errorf("an EC key on %s cannot sign with %s", key.Curve.Params().Name, algorithm)
		}
		if _, err := key.ECDH(); err != nil { // It checks that the point is on the curve.
			return fmt.Errorf("the EC key is not valid: %w", err)
		}
		return nil
	case ed25519.PublicKey:
		switch {
		case algorithm != edDSA:
			return fmt.Errorf("an Ed25519 key cannot sign with %s", algorithm)
		case len(key) != ed25519.PublicKeySize || smallOrder(key):
			return errors.New("the Ed25519 key has small order")
		}
		return nil
	}
	return fmt.Errorf("keys of the type %T are not supported", public)
}

// The field of Curve25519 and the constants of Ed25519 (RFC 8032 §5.1):
// the curve is -x² + y² = 1 + d·x²·y² with d = -121665/121666.
var (
	fieldPrime   = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	dNumerator   = big.NewInt(-121665)
	dDenominator = big.NewInt(121666)
)

// smallOrder reports whether the order of the point divides 8, in any encoding
// of the point. An attacker can make a signature that such a key verifies for
// every message.
//
// A point of order 1, 2 or 4 has y = 1, -1 or 0. A point of order 8 doubles to
// a point with y = 0, and the doubled y is a multiple of x² + y². So x² = -y²,
// and the equation of the curve becomes d·y⁴ + 2·y² - 1 = 0.
func smallOrder(key ed25519.PublicKey) bool {
	encoded := bytes.Clone(key)
	slices.Reverse(encoded) // The encoding is little-endian.
	encoded[0] &= 0x7f      // Clear the sign of x.
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
