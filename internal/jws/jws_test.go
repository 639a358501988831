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

// A pair is a private key. Its kid is the name of its algorithm.
type pair struct {
	algorithm string
	private   crypto.Signer
}

// pairs returns one key for each algorithm, always in the same order.
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

// ring is a find function that returns the keys of pairs.
func ring(kid string) (string, crypto.PublicKey, bool) {
	for _, p := range pairs() {
		if p.algorithm == kid {
			return p.algorithm, p.private.Public(), true
		}
	}
	return "", nil, false
}

// noKeys returns a find function that fails the test. The token must be
// rejected before Verify needs its key.
func noKeys(t *testing.T) func(string) (string, crypto.PublicKey, bool) {
	return func(kid string) (string, crypto.PublicKey, bool) {
		t.Helper()
		t.Errorf("Verify called find with the kid %.40q", kid)
		return ring(kid)
	}
}

// sign signs input with the algorithm of the key. The signature is canonical.
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
		both := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		signature, err = CanonicalSignature(es256, both)
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, []byte(input))
	}
	if err != nil {
		panic(err)
	}
	return signature
}

// token returns a token with a header and a payload. It does not change either.
func (p pair) token(header, payload string) string {
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(string(p.sign(input)))
}

// header returns the header that an access token of Signet has.
func (p pair) header() string {
	return fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, p.algorithm, p.algorithm)
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// mustReject checks that Verify rejects a token with ErrInvalid and returns no
// content of it.
func mustReject(t *testing.T, what, compact string, find func(string) (string, crypto.PublicKey, bool)) {
	t.Helper()
	token, err := Verify(compact, find)
	if err == nil {
		t.Errorf("%s: Verify returned no error", what)
		return
	}
	checkRefusal(t, what, err)
	if token.Type+token.Algorithm+token.KeyID != "" || token.Payload != nil {
		t.Errorf("%s: Verify returned content of the rejected token", what)
	}
}

// checkRefusal checks that err is ErrInvalid and that its text is short and
// contains no content of the token.
func checkRefusal(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("%s: got error %v, want ErrInvalid", what, err)
	}
	foreign := func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsPrint(r) || strings.ContainsRune(`"{}[]`, r)
	}
	if len(err.Error()) > 90 || strings.ContainsFunc(err.Error(), foreign) {
		t.Errorf("%s: the error contains content of the token: %.200q", what, err)
	}
}

func TestVerify_AcceptsEachAlgorithm(t *testing.T) {
	for _, p := range pairs() {
		for _, payload := range []string{`{"sub":"alice"}`, "", "\x00\xff not JSON"} {
			got, err := Verify(p.token(p.header(), payload), ring)
			if err != nil {
				t.Fatalf("%s: unexpected error: %v", p.algorithm, err)
			}
			if got.Type != "at+jwt" || got.Algorithm != p.algorithm || got.KeyID != p.algorithm ||
				string(got.Payload) != payload {
				t.Errorf("%s: unexpected token %+v", p.algorithm, got)
			}
		}
		without, err := Verify(p.token(fmt.Sprintf(`{ "kid":%q , "\u0061lg":%q}`, p.algorithm, p.algorithm), "x"), ring)
		if err != nil || without.Type != "" {
			t.Errorf("%s: header without typ: got %+v, error %v", p.algorithm, without, err)
		}
	}
}

func TestVerify_RejectsInvalidSignature(t *testing.T) {
	for _, p := range pairs() {
		valid := p.token(p.header(), "one")
		cut := strings.LastIndexByte(valid, '.') + 1
		other := p.token(p.header(), "two")
		swapped := valid[:cut] + other[strings.LastIndexByte(other, '.')+1:]
		mustReject(t, p.algorithm+" with the signature of another payload", swapped, ring)
		mustReject(t, p.algorithm+" with no signature", valid[:cut], ring)
		mustReject(t, p.algorithm+" with a short signature", valid[:len(valid)-4], ring)
		mustReject(t, p.algorithm+" with a long signature", valid+"AAAA", ring)
	}
}
