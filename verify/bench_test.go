package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// manyEntries is how many entries a verifier of the benchmarks has.
const manyEntries = 100_000

// newBusyVerifier returns a verifier with many entries, and its issuer.
func newBusyVerifier(tb testing.TB) (*verify.Verifier, *verifytest.Issuer) {
	tb.Helper()
	issuer := verifytest.New(tb, algorithms...)
	for i := range manyEntries {
		issuer.RevokeClient(strconv.Itoa(i))
	}
	v, err := verify.New(tb.Context(), verifytest.URL, verify.Options{
		Audience: verifytest.Audience, Revocation: verify.FailClosed(time.Minute),
		HTTP: &http.Client{Transport: issuer}, Log: quiet,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Close)
	if n := v.Stats().Entries; n != manyEntries {
		tb.Fatalf("%d entries", n)
	}
	return v, issuer
}

// loginToken returns a token as issued after a login.
func loginToken(issuer *verifytest.Issuer, algorithm string) string {
	return issuer.Token(verifytest.Claims{
		Subject: "usr_2yq6b5wmrbfk7hd4zq3jx5nxau", ClientID: "gateway", Scope: "read write", ACR: "1",
		Algorithm: algorithm, ExpiresAt: time.Now().Add(time.Hour),
	})
}

// rawVerifier returns a function that only verifies the signature of a token.
func rawVerifier(tb testing.TB, public crypto.PublicKey, token string) func() bool {
	tb.Helper()
	dot := strings.LastIndexByte(token, '.')
	input := []byte(token[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		tb.Fatal(err)
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		return func() bool {
			digest := sha256.Sum256(input)
			return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
		}
	case *ecdsa.PublicKey:
		return func() bool {
			digest := sha256.Sum256(input)
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			return ecdsa.Verify(k, digest[:], r, s)
		}
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(k, input, signature) }
	}
	tb.Fatalf("%T", public)
	return nil
}

// Verify costs little more than the signature: with 100,000 entries, at most
// eight allocations.
func TestVerify_Allocations(t *testing.T) {
	v, issuer := newBusyVerifier(t)
	for _, algorithm := range algorithms {
		token := loginToken(issuer, algorithm)
		_, public := issuer.Key(algorithm)
		raw := rawVerifier(t, public, token)
		least := testing.AllocsPerRun(100, func() { raw() })
		n := math.Inf(1)
		for range 5 { // the verifier's polls allocate too, in the background
			n = min(n, testing.AllocsPerRun(100, func() {
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			}))
		}
		if n > least+8 {
			t.Errorf("%s: %v allocations, want at most 8 more than the %v of the signature", algorithm, n, least)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	v, issuer := newBusyVerifier(b)
	for _, algorithm := range algorithms {
		token := loginToken(issuer, algorithm)
		_, public := issuer.Key(algorithm)
		raw := rawVerifier(b, public, token)
		b.Run(algorithm+"/raw", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !raw() {
					b.Fatal("invalid signature")
				}
			}
		})
		b.Run(algorithm+"/verify", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
