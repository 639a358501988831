package token

import (
	"errors"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// CheckAccess accepts the longest token that verifiers accept, and rejects one
// that is longer by a character, as compact does.
func TestCheckAccess_IsExact(t *testing.T) {
	for _, algorithm := range []string{keys.RS256, keys.ES256, keys.EdDSA} {
		s := keys.Signer{Algorithm: algorithm, KeyID: algorithm, Size: len(mustSign(t, algorithm))}
		longest := 0
		for n := 5500; n < 5800; n++ { // The longest tokens have 5539 and 5731.
			a := typicalAccess()
			a.Claims = map[string]any{"x": strings.Repeat("x", n)}
			payload, err := a.appendPayload(nil)
			if err != nil {
				t.Fatal(err)
			}
			signature := make([]byte, s.Size)
			if algorithm == keys.ES256 {
				signature[0], signature[63] = 1, 1
			}
			text, err := compact(accessType, algorithm, algorithm, payload,
				func([]byte) ([]byte, error) { return signature, nil })
			checked := CheckAccess(s, a)
			if !errors.Is(checked, err) || (err == nil) != (checked == nil) {
				t.Fatalf("%s with %d characters: %v, want %v", algorithm, n, checked, err)
			}
			longest = max(longest, len(text))
		}
		if longest < 8<<10-2 || longest > 8<<10 {
			t.Errorf("%s: the longest token has %d bytes", algorithm, longest)
		}
	}
	a := typicalAccess()
	a.Subject = ""
	if err := CheckAccess(keys.Signer{Algorithm: keys.EdDSA, Size: 64}, a); err == nil {
		t.Error("a token without a subject is accepted")
	}
}

func mustSign(t *testing.T, algorithm string) []byte {
	t.Helper()
	signature, err := signWith(algorithm)([]byte("input"))
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// AlwaysFits accepts no issuer, audiences and scope with which a token can be
// too long.
func TestAlwaysFits_BoundsTheLongestToken(t *testing.T) {
	s := keys.Signer{Algorithm: keys.RS256, KeyID: strings.Repeat("k", 43), Size: 512}
	fitted := 0
	for n := range 60 {
		a := typicalAccess()
		a.Issuer = "https://issuer.example/" + strings.Repeat("é", 100)
		a.Subject = strings.Repeat("<", oauth.MaxSubject)
		a.ClientID = strings.Repeat("c", oauth.MaxClientID)
		a.AMR = nil
		for range oauth.MaxMethods {
			a.AMR = append(a.AMR, strings.Repeat("m", oauth.MaxMethod))
		}
		a.Audience, a.Scope = nil, nil
		for range 1 + n%oauth.MaxAudiences {
			a.Audience = append(a.Audience, strings.Repeat("a", 1+5*n))
		}
		a.Scope = oauth.NewScope(strings.Repeat("s", 1+10*n), "t")
		if !AlwaysFits(s, a.Issuer, a.Audience, a.Scope) {
			continue
		}
		fitted++
		if err := CheckAccess(s, a); err != nil {
			t.Errorf("%d audiences of %d bytes: %v", len(a.Audience), 1+5*n, err)
		}
	}
	if fitted < 10 {
		t.Errorf("%d kinds of tokens always fit, want at least the usual ones", fitted)
	}
}
