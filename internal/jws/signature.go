package jws

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"
)

// The supported algorithms (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	rs256 = "RS256"
	es256 = "ES256"
	edDSA = "EdDSA"
	// ed25519Name is the name of EdDSA with an Ed25519 key in RFC 9864 §2.2.
	ed25519Name = "Ed25519"
)

// minRSABits is the smallest modulus that RFC 7518 §3.3 allows.
const minRSABits = 2048

// p256Size is the length in bytes of r and of s in an ES256 signature
// (RFC 7518 §3.4).
const p256Size = 32

var (
	p256Order     = elliptic.P256().Params().N
	halfP256Order = new(big.Int).Rsh(p256Order, 1).FillBytes(make([]byte, p256Size))
)

// VerifySignature verifies a signature of input:
//
//   - RS256 is RSASSA-PKCS1-v1_5 with SHA-256 and an *rsa.PublicKey of at
//     least 2048 bits.
//   - ES256 is ECDSA with SHA-256 and an *ecdsa.PublicKey on P-256. The
//     signature is the 64 bytes of r and s.
//   - EdDSA is Ed25519 with an ed25519.PublicKey.
//
// It returns ErrInvalid for any other algorithm, any other key and an invalid
// signature.
func VerifySignature(algorithm string, key crypto.PublicKey, input, signature []byte) error {
	valid := false
	switch k := key.(type) {
	case *rsa.PublicKey:
		digest := sha256.Sum256(input)
		valid = algorithm == rs256 && k.N.BitLen() >= minRSABits &&
			rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		valid = algorithm == es256 && k.Curve == elliptic.P256() && verifyES256(k, input, signature)
	case ed25519.PublicKey:
		valid = algorithm == edDSA && len(k) == ed25519.PublicKeySize && ed25519.Verify(k, input, signature)
	}
	if !valid {
		return reject("signature is invalid")
	}
	return nil
}

func verifyES256(key *ecdsa.PublicKey, input, signature []byte) bool {
	if len(signature) != 2*p256Size {
		return false
	}
	digest := sha256.Sum256(input)
	r := new(big.Int).SetBytes(signature[:p256Size])
	s := new(big.Int).SetBytes(signature[p256Size:])
	return ecdsa.Verify(key, digest[:], r, s)
}

// CanonicalSignature returns the form of a valid signature that Verify accepts.
//
// Everyone can convert an ES256 signature (r, s) to (r, n-s), which is valid as
// well. To give a token only one string form, Verify accepts only the form with
// the smaller s. RS256 and EdDSA signatures have only one form, and
// CanonicalSignature returns them unchanged.
func CanonicalSignature(algorithm string, signature []byte) ([]byte, error) {
	if algorithm != es256 {
		return signature, nil
	}
	if len(signature) != 2*p256Size {
		return nil, errors.New("an ES256 signature must have 64 bytes")
	}
	if canonical(algorithm, signature) {
		return signature, nil
	}

	s := new(big.Int).SetBytes(signature[p256Size:])
	if s.Sub(p256Order, s).Sign() <= 0 {
		return nil, errors.New("the s of an ES256 signature must be less than the order of P-256")
	}
	flipped := make([]byte, 2*p256Size)
	copy(flipped, signature[:p256Size])
	s.FillBytes(flipped[p256Size:])
	return flipped, nil
}

// canonical reports whether a signature has the form that Verify accepts. It
// does not verify the signature.
func canonical(algorithm string, signature []byte) bool {
	return algorithm != es256 ||
		len(signature) == 2*p256Size && bytes.Compare(signature[p256Size:], halfP256Order) <= 0
}
