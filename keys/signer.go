package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// A Signer signs with one key. It prints as its kid.
type Signer struct {
	Algorithm string
	KeyID     string
	// sign is a function because fmt prints one as an address under every verb.
	sign func(input []byte) ([]byte, error)
	// signed is told how long it took, unless it is nil.
	signed func(algorithm string, took time.Duration)
}

func newSigner(k Key, private crypto.Signer) (Signer, error) {
	s := Signer{Algorithm: k.Algorithm, KeyID: k.ID}
	switch k.Algorithm {
	case EdDSA: // RFC 8037 §3.1
		s.sign = func(input []byte) ([]byte, error) { return private.Sign(nil, input, crypto.Hash(0)) }
	case RS256: // RFC 7518 §3.3
		s.sign = func(input []byte) ([]byte, error) {
			digest := sha256.Sum256(input)
			return private.Sign(rand.Reader, digest[:], crypto.SHA256)
		}
	default: // what must be brought into the form of a JWS, as ES256 must, is the library's
		algorithm, err := jws.NewSigner(jwa.SignatureAlgorithm(k.Algorithm))
		if err != nil {
			return Signer{}, fmt.Errorf("the key %s: %w", k.ID, err)
		}
		// A bare *ecdsa.PrivateKey would be copied for every signature, and the library's work on it be done anew.
		key := struct{ crypto.Signer }{private}
		s.sign = func(input []byte) ([]byte, error) { return algorithm.Sign(input, key) }
	}
	return s, nil
}

// Sign returns the JWS signature (RFC 7515 section 5.1) over input.
func (s Signer) Sign(input []byte) ([]byte, error) {
	began := time.Now()
	signature, err := s.sign(input)
	if s.signed != nil {
		s.signed(s.Algorithm, time.Since(began))
	}
	if err != nil {
		return nil, fmt.Errorf("sign with the key %s: %w", s.KeyID, err)
	}
	return signature, nil
}

// String hides the key behind its kid.
func (s Signer) String() string { return s.Algorithm + " key " + s.KeyID }

// GoString hides the key behind its kid.
func (s Signer) GoString() string { return s.String() }

// LogValue hides the key behind its kid.
func (s Signer) LogValue() slog.Value { return slog.StringValue(s.String()) }
