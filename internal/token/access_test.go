package token

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
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

const issuer = "https://issuer.example"

var issued = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// signers returns one key for each algorithm. The kid is the algorithm.
var signers = sync.OnceValue(func() map[string]crypto.Signer {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{
		keys.RS256: rsaKey, keys.ES256: ecKey,
		keys.EdDSA: ed25519.NewKeyFromSeed([]byte("an ed25519 seed has 32 bytes ...")),
	}
})

// skew is how far the clock of another server may be ahead.
const skew = 2 * time.Minute

// verify is VerifyAccess with the keys of signers.
func verify(text, issuer string, now time.Time) (Access, error) {
	return VerifyAccess(text, issuer, func(kid string) (string, crypto.PublicKey, error) {
		if key, ok := signers()[kid]; ok {
			return kid, key.Public(), nil
		}
		return "", nil, keys.ErrUnknownKey
	}, now, skew, nil)
}

// signWith returns the equivalent of keys.Signer.Sign for an algorithm.
func signWith(algorithm string) func([]byte) ([]byte, error) {
	return func(input []byte) ([]byte, error) {
		digest := sha256.Sum256(input)
		switch key := signers()[algorithm].(type) {
		case *rsa.PrivateKey:
			return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		case *ecdsa.PrivateKey:
			r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
			if err != nil {
				return nil, err
			}
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
		case ed25519.PrivateKey:
			return ed25519.Sign(key, input), nil
		}
		return nil, errors.New("no such key")
	}
}

// signPayload returns a JWS with any typ and payload.
func signPayload(t *testing.T, algorithm, typ, payload string) string {
	t.Helper()
	token, err := compact(typ, algorithm, algorithm, []byte(payload), signWith(algorithm))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// fullAccess returns an access token with all claims.
func fullAccess() Access {
	return Access{
		Issuer:    issuer,
		Subject:   "usr_alice",
		Audience:  []string{"https://api.example", "reports"},
		ClientID:  "web",
		Scope:     oauth.NewScope("read", "write"),
		IssuedAt:  issued,
		ExpiresAt: issued.Add(10 * time.Minute),
		AuthTime:  issued.Add(-time.Hour),
		ID:        "AAAAAAAAAAAAAAAAAAAAAA",
		ACR:       "urn:example:password",
		AMR:       []string{"pwd", "otp"},
		GrantID:   "503563c1bda45327ff4617750a06bd81",
		Claims: map[string]any{
			"tenant": "a<b", "roles": []any{"admin", "dev"}, "beta": true,
			"https://example.com/level": json.Number("3"),
		},
	}
}

// minimalAccess returns an access token with only the required claims.
func minimalAccess() Access {
	return Access{
		Issuer: issuer, Subject: "worker", Audience: []string{"reports"}, ClientID: "worker", IssuedAt: issued,
		ExpiresAt: issued.Add(time.Second), ID: "BBBBBBBBBBBBBBBBBBBBBB",
	}
}

func TestAccess_Payload(t *testing.T) {
	withID := minimalAccess()
	withID.ID = "x"
	for _, c := range []struct {
		access Access
		want   string
	}{
		{fullAccess(), `{"iss":"https://issuer.example","sub":"usr_alice","aud":["https://api.example","reports"],` +
			`"client_id":"web","scope":"read write","iat":1795435200,"exp":1795435800,` +
			`"jti":"AAAAAAAAAAAAAAAAAAAAAA","auth_time":1795431600,` +
			`"acr":"urn:example:password","amr":["pwd","otp"],"sid":"503563c1bda45327ff4617750a06bd81",` +
			`"beta":true,"https://example.com/level":3,"roles":["admin","dev"],"tenant":"a\u003cb"}`},
		{withID, `{"iss":"https://issuer.example","sub":"worker","aud":"reports",` +
			`"client_id":"worker","iat":1795435200,"exp":1795435201,"jti":"x"}`},
	} {
		got, err := c.access.appendPayload(nil)
		if err != nil || string(got) != c.want {
			t.Errorf("payload %s\nwant %s\n%v", got, c.want, err)
		}
	}
}

func TestVerifyAccess_ReturnsSignedClaims(t *testing.T) {
	for algorithm := range signers() {
		for _, want := range []Access{fullAccess(), minimalAccess()} {
			payload, err := want.appendPayload(nil)
			if err != nil {
				t.Fatal(err)
			}
			// ECDSA signatures differ each time, and have one of two forms.
			// Verifiers must accept all of them.
			for range 16 {
				text := signPayload(t, algorithm, accessType, string(payload))
				header, _, _ := strings.Cut(text, ".")
				b, err := base64.RawURLEncoding.DecodeString(header)
				if err != nil || string(b) != `{"typ":"at+jwt","alg":"`+algorithm+`","kid":"`+algorithm+`"}` {
					t.Fatalf("header %s, %v", b, err)
				}
				got, err := verify(text, issuer, issued)
				if err != nil {
					t.Fatalf("%s: %v", algorithm, err)
				}
				want.KeyID = algorithm
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s: claims differ (-want +got):\n%s", algorithm, diff)
				}
			}
		}
	}
}

// Both iat and exp are truncated to whole seconds, so the lifetime stays the
// same.
func TestAccess_TruncatesFractionsOfASecond(t *testing.T) {
	a := minimalAccess()
	a.IssuedAt, a.ExpiresAt = issued.Add(900*time.Millisecond), issued.Add(10*time.Minute+900*time.Millisecond)
	payload, err := a.appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := signPayload(t, keys.EdDSA, accessType, string(payload))
	got, err := verify(text, issuer, issued.Add(time.Second))
	if err != nil || got.ExpiresAt.Sub(got.IssuedAt) != 10*time.Minute || !got.IssuedAt.Equal(issued) {
		t.Errorf("read %v to %v, %v", got.IssuedAt, got.ExpiresAt, err)
	}
}

func TestAccess_InvalidClaimsAreNotSigned(t *testing.T) {
	for what, change := range map[string]func(*Access){
		"no iss":            func(a *Access) { a.Issuer = "" },
		"no sub":            func(a *Access) { a.Subject = "" },
		"a long sub":        func(a *Access) { a.Subject = strings.Repeat("x", 256) },
		"a sub not UTF-8":   func(a *Access) { a.Subject = "\xff" },
		"no aud":            func(a *Access) { a.Audience = nil },
		"an empty aud":      func(a *Access) { a.Audience = []string{"reports", ""} },
		"too many aud":      func(a *Access) { a.Audience = make([]string, 17) },
		"a malformed aud":   func(a *Access) { a.Audience = []string{"a b"} },
		"no client_id":      func(a *Access) { a.ClientID = "" },
		"no jti":            func(a *Access) { a.ID = "" },
		"no iat":            func(a *Access) { a.IssuedAt = time.Time{} },
		"no exp":            func(a *Access) { a.ExpiresAt = time.Time{} },
		"exp at iat":        func(a *Access) { a.ExpiresAt = a.IssuedAt },
		"exp too late":      func(a *Access) { a.ExpiresAt = time.Unix(jws.MaxTime+1, 0) },
		"auth_time in 1969": func(a *Access) { a.AuthTime = time.Unix(-1, 0) },
		"an empty amr":      func(a *Access) { a.AMR = []string{""} },
		"a malformed sid":   func(a *Access) { a.GrantID = "503563C1BDA45327FF4617750A06BD81" },
		"a malformed scope": func(a *Access) { a.Scope = oauth.Scope{`"`} },
		"a claim not JSON":  func(a *Access) { a.Claims = map[string]any{"f": func() {}} },
		"a claim too deep":  func(a *Access) { a.Claims = map[string]any{"d": json.RawMessage(`[[[[[[[[]]]]]]]]`)} },
		"a duplicate name":  func(a *Access) { a.Claims = map[string]any{"d": json.RawMessage(`{"a":1,"a":2}`)} },
	} {
		a := fullAccess()
		change(&a)
		if payload, err := a.appendPayload(nil); err == nil {
			t.Errorf("%s: signed %s", what, payload)
		}
	}
	a := fullAccess()
	a.Claims = map[string]any{"big": strings.Repeat("x", 6000)}
	payload, err := a.appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := compact(accessType, keys.EdDSA, "kid", payload, signWith(keys.EdDSA)); err == nil {
		t.Errorf("a token of %d bytes is signed", len(token))
	}
}

func TestCompact_SigningFails(t *testing.T) {
	failure := errors.New("the key is gone")
	_, err := compact(accessType, keys.EdDSA, "kid", []byte("{}"), func([]byte) ([]byte, error) { return nil, failure })
	if !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
	sign := func([]byte) ([]byte, error) { return make([]byte, 70), nil }
	_, err = compact(accessType, keys.ES256, "kid", []byte("{}"), sign)
	if err == nil {
		t.Error("an ES256 signature of 70 bytes is accepted")
	}
}

func TestErrRefused_IsNotErrInvalid(t *testing.T) {
	if errors.Is(refuse(errExpired), ErrInvalid) || !errors.Is(ErrInvalid, jws.ErrInvalid) ||
		errors.Is(ErrInvalid, ErrRefused) {
		t.Error("ErrRefused must not wrap ErrInvalid, and ErrInvalid must be jws.ErrInvalid")
	}
}
