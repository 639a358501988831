package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// claims are the claims of an access token as issued after a login.
const claims = `{"iss":"https://issuer.example","sub":"usr_2yq6b5wmrbfk7hd4zq3jx5nxau","aud":"https://api.example",` +
	`"client_id":"gateway","scope":"read write","iat":1767225600,"exp":1767226200,"jti":"2yq6b5wmrbfk7hd4zq3jx5",` +
	`"auth_time":1767225600,"acr":"1","amr":["pwd"],"sid":"000102030405060708090a0b0c0d0e0f"}`

// accessToken returns an access token with a kid of the usual length, and a
// find function that returns its key.
func accessToken(p pair) (string, func(string) (string, crypto.PublicKey, bool)) {
	kid := "a-kid-is-a-thumbprint-of-43-characters-----"
	public := p.private.Public()
	find := func(string) (string, crypto.PublicKey, bool) { return p.algorithm, public, true }
	return p.token(fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, p.algorithm, kid), claims), find
}

// rawVerifier returns a function that only verifies the signature of a token.
// That is the minimum cost of Verify.
func rawVerifier(p pair, compact string) func() bool {
	cut := strings.LastIndexByte(compact, '.')
	input := []byte(compact[:cut])
	signature, err := decode(compact[cut+1:])
	if err != nil {
		panic(err)
	}
	switch k := p.private.Public().(type) {
	case *rsa.PublicKey:
		return func() bool {
			digest := sha256.Sum256(input)
			return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
		}
	case *ecdsa.PublicKey:
		return func() bool {
			digest := sha256.Sum256(input)
			r, s := new(big.Int).SetBytes(signature[:p256Size]), new(big.Int).SetBytes(signature[p256Size:])
			return ecdsa.Verify(k, digest[:], r, s)
		}
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(k, input, signature) }
	}
	panic(p.algorithm)
}

func BenchmarkVerify(b *testing.B) {
	for _, p := range pairs() {
		compact, find := accessToken(p)
		raw := rawVerifier(p, compact)
		b.Run(p.algorithm+"/raw", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !raw() {
					b.Fatal("invalid signature")
				}
			}
		})
		b.Run(p.algorithm+"/token", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				token, err := Verify(compact, find)
				if err == nil {
					_, err = ParseObject(string(token.Payload))
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Verify and ParseObject together make at most eight allocations beside those
// of the signature.
func TestVerify_Allocations(t *testing.T) {
	for _, p := range pairs() {
		compact, find := accessToken(p)
		raw := rawVerifier(p, compact)
		least := testing.AllocsPerRun(100, func() { raw() })
		n := testing.AllocsPerRun(100, func() {
			token, err := Verify(compact, find)
			if err == nil {
				_, err = ParseObject(string(token.Payload))
			}
			if err != nil {
				t.Error(err)
			}
		})
		if n > least+8 {
			t.Errorf("%s: %v allocations, want at most 8 more than the %v of the signature", p.algorithm, n, least)
		}
	}
}
