package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode"
)

// pair is a private key under its kid, which is also the name of its algorithm.
type pair struct {
	algorithm string
	private   crypto.Signer
}

// pairs returns one key of each algorithm, in the same order always.
var pairs = sync.OnceValue(func() []pair {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	edKey := ed25519.NewKeyFromSeed([]byte("an ed25519 seed has 32 bytes ..."))
	return []pair{{rs256, rsaKey}, {es256, ecKey}, {edDSA, edKey}}
})

func pairOf(algorithm string) pair {
	for _, p := range pairs() {
		if p.algorithm == algorithm {
			return p
		}
	}
	panic(algorithm)
}

// ring finds the keys of pairs.
func ring(kid string) (string, crypto.PublicKey, bool) {
	for _, p := range pairs() {
		if p.algorithm == kid {
			return p.algorithm, p.private.Public(), true
		}
	}
	return "", nil, false
}

// noKeys fails the test when a token gets as far as its key.
func noKeys(t *testing.T) func(string) (string, crypto.PublicKey, bool) {
	return func(kid string) (string, crypto.PublicKey, bool) {
		t.Helper()
		t.Errorf("a key was looked up: %.40q", kid)
		return ring(kid)
	}
}

// sign signs input as its algorithm says, in the one form.
func (p pair) sign(input string) []byte {
	var signature []byte
	var err error
	switch k := p.private.(type) {
	case *rsa.PrivateKey:
		digest := sha256.Sum256([]byte(input))
		signature, err = rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256([]byte(input))
		r, s, signErr := ecdsa.Sign(rand.Reader, k, digest[:])
		if signErr != nil {
			panic(signErr)
		}
		signature, err = CanonicalSignature(es256, append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, []byte(input))
	}
	if err != nil {
		panic(err)
	}
	return signature
}

// token signs a header and a payload as they stand.
func (p pair) token(header, payload string) string {
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(string(p.sign(input)))
}

func (p pair) header() string {
	return fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, p.algorithm, p.algorithm)
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// mustRefuse fails unless the token is refused with the one error, said in fixed words.
func mustRefuse(t *testing.T, what, compact string, find func(string) (string, crypto.PublicKey, bool)) {
	t.Helper()
	token, err := Verify(compact, find)
	if err == nil {
		t.Errorf("%s: accepted", what)
		return
	}
	checkRefusal(t, what, err)
	if token.Type+token.Algorithm+token.KeyID != "" || token.Payload != nil {
		t.Errorf("%s: a refused token has content", what)
	}
}

// checkRefusal fails unless err is the one error and says nothing but our own short words.
func checkRefusal(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("%s: the error is %v", what, err)
	}
	foreign := func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsPrint(r) || strings.ContainsRune(`"{}[]`, r)
	}
	if len(err.Error()) > 90 || strings.ContainsFunc(err.Error(), foreign) {
		t.Errorf("%s: the error says more than our own words: %.200q", what, err)
	}
}

func TestVerify(t *testing.T) {
	for _, p := range pairs() {
		for _, payload := range []string{`{"sub":"alice"}`, "", "\x00\xff not JSON"} {
			got, err := Verify(p.token(p.header(), payload), ring)
			if err != nil {
				t.Fatalf("%s: %v", p.algorithm, err)
			}
			if got.Type != "at+jwt" || got.Algorithm != p.algorithm || got.KeyID != p.algorithm || string(got.Payload) != payload {
				t.Errorf("%s: read %+v", p.algorithm, got)
			}
		}
		without, err := Verify(p.token(fmt.Sprintf(`{ "kid":%q , "\u0061lg":%q}`, p.algorithm, p.algorithm), "x"), ring)
		if err != nil || without.Type != "" {
			t.Errorf("%s: a header without typ: %+v, %v", p.algorithm, without, err)
		}
	}
}

func TestVerifyRefusesAnotherSignature(t *testing.T) {
	for _, p := range pairs() {
		good := p.token(p.header(), "one")
		cut := strings.LastIndexByte(good, '.') + 1
		other := p.token(p.header(), "two")
		mustRefuse(t, p.algorithm+" with the signature of another payload", good[:cut]+other[strings.LastIndexByte(other, '.')+1:], ring)
		mustRefuse(t, p.algorithm+" with no signature", good[:cut], ring)
		mustRefuse(t, p.algorithm+" with a short signature", good[:len(good)-4], ring)
		mustRefuse(t, p.algorithm+" with a long signature", good+"AAAA", ring)
	}
}
