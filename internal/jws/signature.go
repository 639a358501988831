package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"
)

// The algorithms that are read (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	rs256 = "RS256"
	es256 = "ES256"
	edDSA = "EdDSA"
	// ed25519Name is how RFC 9864 §2.2 calls EdDSA with an Ed25519 key.
	ed25519Name = "Ed25519"
)

// minRSABits is the smallest modulus that RFC 7518 §3.3 allows.
const minRSABits = 2048

// p256Size is the length of r and of s in an ES256 signature (RFC 7518 §3.4).
const p256Size = 32

var (
	p256Order     = elliptic.P256().Params().N
	halfP256Order = new(big.Int).Rsh(p256Order, 1)
)

// VerifySignature checks a signature over input: RS256 is RSASSA-PKCS1-v1_5 with SHA-256 under an *rsa.PublicKey of 2048
// bits or more, ES256 is ECDSA with SHA-256 under an *ecdsa.PublicKey on P-256, the signature being the 64 bytes of r and s,
// and EdDSA is Ed25519 under an ed25519.PublicKey. Every other algorithm, every other key and every bad signature is
// ErrInvalid.
func VerifySignature(algorithm string, key crypto.PublicKey, input, signature []byte) error {
	good := false
	switch k := key.(type) {
	case *rsa.PublicKey:
		digest := sha256.Sum256(input)
		good = algorithm == rs256 && k.N.BitLen() >= minRSABits &&
			rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		good = algorithm == es256 && k.Curve == elliptic.P256() && verifyES256(k, input, signature)
	case ed25519.PublicKey:
		good = algorithm == edDSA && len(k) == ed25519.PublicKeySize && ed25519.Verify(k, input, signature)
	}
	if !good {
		return refuse("its signature is wrong")
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

// CanonicalSignature returns the form of a good signature that Verify accepts. Anybody can turn an ES256 signature (r, s)
// into the equally good (r, n-s), so that a token would have two string forms; of the two, the one with the smaller s is
// the token. RS256 and EdDSA signatures have one form and come back as they are.
func CanonicalSignature(algorithm string, signature []byte) ([]byte, error) {
	if algorithm != es256 {
		return signature, nil
	}
	if len(signature) != 2*p256Size {
		return nil, errors.New("an ES256 signature has 64 bytes")
	}
	if canonical(algorithm, signature) {
		return signature, nil
	}
	s := new(big.Int).SetBytes(signature[p256Size:])
	if s.Sub(p256Order, s).Sign() <= 0 {
		return nil, errors.New("the s of an ES256 signature is below the order of P-256")
	}
	flipped := make([]byte, 2*p256Size)
	copy(flipped, signature[:p256Size])
	s.FillBytes(flipped[p256Size:])
	return flipped, nil
}

// canonical says whether a signature, if it is good at all, is the one form of it.
func canonical(algorithm string, signature []byte) bool {
	return algorithm != es256 ||
		len(signature) == 2*p256Size && new(big.Int).SetBytes(signature[p256Size:]).Cmp(halfP256Order) <= 0
}
