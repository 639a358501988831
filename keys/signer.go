package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// A Signer signs with one key. It prints as the key's kid.
type Signer struct {
	Algorithm string
	KeyID     string
	// Size is the length of a signature in bytes.
	Size int
	// sign is a function because fmt prints a function as an address under
	// every verb.
	sign func(input []byte) ([]byte, error)
	// signed is called with the duration of every signature, unless it is nil.
	signed func(algorithm string, took time.Duration)
	// queue bounds the signatures in progress. nil means no bound.
	queue *signingQueue
}

func newSigner(k Key, private crypto.Signer) (Signer, error) {
	s := Signer{Algorithm: k.Algorithm, KeyID: k.ID, Size: 64} // of Ed25519 and P-256
	switch k.Algorithm {
	case EdDSA: // RFC 8037 §3.1
		s.sign = func(input []byte) ([]byte, error) { return private.Sign(nil, input, crypto.Hash(0)) }
	case RS256: // RFC 7518 §3.3
		if public, ok := private.Public().(*rsa.PublicKey); ok {
			s.Size = public.Size()
		}
		s.sign = func(input []byte) ([]byte, error) {
			digest := sha256.Sum256(input)
			return private.Sign(rand.Reader, digest[:], crypto.SHA256)
		}
	default: // ES256: the library converts the signature to the JWS form (RFC 7518 §3.4).
		algorithm, err := jws.NewSigner(jwa.SignatureAlgorithm(k.Algorithm))
		if err != nil {
			return Signer{}, fmt.Errorf("the key %s: %w", k.ID, err)
		}
		// The library copies and prepares a bare *ecdsa.PrivateKey for every
		// signature. It uses a wrapped one as it is.
		key := struct{ crypto.Signer }{private}
		s.sign = func(input []byte) ([]byte, error) { return algorithm.Sign(input, key) }
	}
	return s, nil
}

// Sign returns the JWS signature over input (RFC 7515 section 5.1). At most
// GOMAXPROCS RSA signatures are in progress; Sign waits for its turn. See
// Manager.Reserve.
func (s Signer) Sign(input []byte) ([]byte, error) {
	if s.queue == nil {
		return s.signNow(input)
	}
	return s.queue.run(func() ([]byte, error) { return s.signNow(input) })
}

func (s Signer) signNow(input []byte) ([]byte, error) {
	start := time.Now()
	signature, err := s.sign(input)
	if s.signed != nil {
		s.signed(s.Algorithm, time.Since(start))
	}
	if err != nil {
		return nil, fmt.Errorf("sign with the key %s: %w", s.KeyID, err)
	}
	return signature, nil
}

// String returns the algorithm and the kid, and no key material.
func (s Signer) String() string { return s.Algorithm + " key " + s.KeyID }

// GoString returns the same text as String.
func (s Signer) GoString() string { return s.String() }

// LogValue returns the same text as String.
func (s Signer) LogValue() slog.Value { return slog.StringValue(s.String()) }
