package token

import (
	"crypto"
	"crypto/ed25519"
	"testing"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// typicalAccess returns an access token as issued after a login.
func typicalAccess() Access {
	return Access{
		Issuer:    issuer,
		Subject:   "usr_2yq6b5wmrbfk7hd4zq3jx5nxau",
		Audience:  []string{"https://api.example"},
		ClientID:  "gateway",
		Scope:     oauth.NewScope("read", "write"),
		IssuedAt:  issued,
		ExpiresAt: issued.Add(600e9),
		AuthTime:  issued,
		ID:        "2yq6b5wmrbfk7hd4zq3jx5",
		ACR:       "1",
		AMR:       []string{"pwd"},
		GrantID:   "000102030405060708090a0b0c0d0e0f",
	}
}

// The signature over as many bytes is the minimum cost of an access token.
func BenchmarkRawSignature(b *testing.B) {
	key := signers()[keys.EdDSA].(ed25519.PrivateKey)
	input := make([]byte, 560)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.Sign(nil, input, crypto.Hash(0)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignAccess(b *testing.B) {
	key := signers()[keys.EdDSA].(ed25519.PrivateKey)
	sign := func(input []byte) ([]byte, error) { return key.Sign(nil, input, crypto.Hash(0)) }
	a := typicalAccess()
	b.ReportAllocs()
	for b.Loop() {
		var buffer [1 << 10]byte
		payload, err := a.appendPayload(buffer[:0])
		if err != nil {
			b.Fatal(err)
		}
		kid := "a-kid-is-a-thumbprint-of-43-characters-----"
		if _, err := compact(accessType, keys.EdDSA, kid, payload, sign); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAccess(b *testing.B) {
	text := signEdDSA(b, typicalAccess())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verify(text, issuer, issued); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefreshMAC(b *testing.B) {
	secret := make([]byte, 32)
	r := Refresh{KeyID: "0123456789abcdef", Handle: NewHandle(), Generation: 7}
	b.ReportAllocs()
	for b.Loop() {
		text, err := r.Encode(secret)
		if err != nil {
			b.Fatal(err)
		}
		sealed, err := ParseRefresh(text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := sealed.Verify(secret); err != nil {
			b.Fatal(err)
		}
	}
}

func signEdDSA(b *testing.B, a Access) string {
	b.Helper()
	payload, err := a.appendPayload(nil)
	if err != nil {
		b.Fatal(err)
	}
	text, err := compact(accessType, keys.EdDSA, keys.EdDSA, payload, signWith(keys.EdDSA))
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// Reading a token allocates little beside the verification of its signature,
// which allocates nothing for EdDSA.
func TestVerifyAccess_Allocations(t *testing.T) {
	payload, err := typicalAccess().appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := compact(accessType, keys.EdDSA, "kid", payload, signWith(keys.EdDSA))
	if err != nil {
		t.Fatal(err)
	}
	public := signers()[keys.EdDSA].Public()
	find := func(string) (string, crypto.PublicKey, error) { return keys.EdDSA, public, nil }
	n := testing.AllocsPerRun(100, func() {
		if _, err := VerifyAccess(text, issuer, find, issued, skew, nil); err != nil {
			t.Error(err)
		}
	})
	if n > 8 {
		t.Errorf("%v allocations, want at most 8", n)
	}
}

// Encoding a token allocates only the string, apart from the signature.
func TestCompact_Allocations(t *testing.T) {
	a, signature := typicalAccess(), make([]byte, 64)
	sign := func([]byte) ([]byte, error) { return signature, nil }
	n := testing.AllocsPerRun(100, func() {
		var buffer [1 << 10]byte
		payload, err := a.appendPayload(buffer[:0])
		if err == nil {
			_, err = compact(accessType, keys.EdDSA, "kid", payload, sign)
		}
		if err != nil {
			t.Error(err)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations, want at most one", n)
	}
}
