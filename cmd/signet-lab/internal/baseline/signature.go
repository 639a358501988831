package baseline

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"runtime"
	"strings"
	"time"
)

// signingInputBytes is the size of the signed part of an access token: header
// and payload in base64url.
const signingInputBytes = 560

var (
	// SigningInput has the size of the signed part of an access token.
	SigningInput = strings.Repeat("x", signingInputBytes)
	// AccessToken has the size of an access token that EdDSA signed. It is
	// not a valid token.
	AccessToken = strings.Repeat("x", signingInputBytes+86)
)

// RSASignatures returns the number of RSA-2048 signatures that all cores make
// per second.
func RSASignatures(duration time.Duration) (float64, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return 0, err
	}
	return ratePerSecond(runtime.NumCPU(), duration, func() {
		digest := sha256.Sum256([]byte(SigningInput))
		if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			panic(err)
		}
	}), nil
}

// Ed25519Milliseconds returns the time that one Ed25519 signature takes on one
// core, in milliseconds.
func Ed25519Milliseconds(duration time.Duration) (float64, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return 0, err
	}
	input := []byte(SigningInput)
	rate := ratePerSecond(1, duration, func() {
		if _, err := key.Sign(nil, input, crypto.Hash(0)); err != nil {
			panic(err)
		}
	})
	return 1000 / rate, nil
}
