package verifytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"sync"

	"github.com/signetd/signet/internal/jws"
)

// The algorithms that an Issuer can have keys for.
const (
	EdDSA = "EdDSA"
	ES256 = "ES256"
	RS256 = "RS256"
)

// A key is a signing key.
type key struct {
	algorithm string
	id        string // kid: the thumbprint of the public key (RFC 7638)
	private   crypto.Signer
	jwk       map[string]string
}

// newKey returns a new key. An issuer numbers its keys: its RSA key with that
// number is also the key of other issuers in this process, because an RSA key
// is expensive to make.
func newKey(algorithm string, number int) (*key, error) {
	k := &key{algorithm: algorithm}
	var err error
	switch algorithm {
	case EdDSA:
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	case ES256:
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		k.private, err = rsaKey(number)
	default:
		err = fmt.Errorf("unknown algorithm %q", algorithm)
	}
	if err != nil {
		return nil, err
	}
	k.id, k.jwk, err = publicJWK(algorithm, k.private.Public())
	return k, err
}

// A ring has the published keys of an issuer, the newest last. The newest key
// of an algorithm signs.
type ring struct {
	algorithms []string // the first one is the default
	keys       []*key
	made       int // how often add was called
}

// add adds a new key for each algorithm.
func (r *ring) add() error {
	for _, algorithm := range r.algorithms {
		k, err := newKey(algorithm, r.made)
		if err != nil {
			return err
		}
		r.keys = append(r.keys, k)
	}
	r.made++
	return nil
}

// signer returns the key that signs with an algorithm, or nil. An empty
// algorithm is the default.
func (r *ring) signer(algorithm string) *key {
	if algorithm == "" {
		algorithm = r.algorithms[0]
	}
	for _, k := range slices.Backward(r.keys) {
		if k.algorithm == algorithm {
			return k
		}
	}
	return nil
}

// remove removes a key.
func (r *ring) remove(k *key) {
	r.keys = slices.DeleteFunc(r.keys, func(other *key) bool { return other == k })
}

// find is the function find of jws.Verify.
func (r *ring) find(kid string) (algorithm string, public crypto.PublicKey, ok bool) {
	for _, k := range r.keys {
		if k.id == kid {
			return k.algorithm, k.private.Public(), true
		}
	}
	return "", nil, false
}

var rsaKeys struct {
	mu   sync.Mutex
	keys []*rsa.PrivateKey
}

func rsaKey(number int) (*rsa.PrivateKey, error) {
	rsaKeys.mu.Lock()
	defer rsaKeys.mu.Unlock()
	for len(rsaKeys.keys) <= number {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		rsaKeys.keys = append(rsaKeys.keys, k)
	}
	return rsaKeys.keys[number], nil
}

// publicJWK returns the JWK of a public key (RFC 7517 §4) and its kid.
func publicJWK(algorithm string, public crypto.PublicKey) (id string, jwk map[string]string, err error) {
	switch k := public.(type) {
	case ed25519.PublicKey:
		jwk = map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(k)}
	case *rsa.PublicKey:
		jwk = map[string]string{"kty": "RSA", "n": encode(k.N.Bytes()), "e": encode(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 0x04, then x and y with 32 bytes each
		if err != nil {
			return "", nil, err
		}
		jwk = map[string]string{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
	}

	// Only the required members are in the JWK yet, and encoding/json sorts
	// them: that is the input of the thumbprint (RFC 7638 §3.2).
	required, err := json.Marshal(jwk)
	if err != nil {
		return "", nil, err
	}
	digest := sha256.Sum256(required)
	id = encode(digest[:])
	jwk["kid"], jwk["use"], jwk["alg"] = id, "sig", algorithm
	return id, jwk, nil
}

// sign returns a compact JWS (RFC 7515 §7.1) of a header and a payload. It
// does not parse either.
func (k *key) sign(header, payload []byte) (string, error) {
	input := encode(header) + "." + encode(payload)
	digest := sha256.Sum256([]byte(input))
	var (
		signature []byte
		err       error
	)
	switch private := k.private.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, private, digest[:]); err == nil {
			both := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
			signature, err = jws.CanonicalSignature(ES256, both)
		}
	}
	return input + "." + encode(signature), err
}

// header returns the JOSE header of a token with that typ.
func (k *key) header(typ string) []byte {
	return fmt.Appendf(nil, `{"typ":%q,"alg":%q,"kid":%q}`, typ, k.algorithm, k.id)
}

// encode returns base64url without padding (RFC 7515 §2).
func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
