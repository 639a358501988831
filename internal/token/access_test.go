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

// signers is one key of each algorithm, under its algorithm's name as the kid.
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
		keys.RS256: rsaKey, keys.ES256: ecKey, keys.EdDSA: ed25519.NewKeyFromSeed([]byte("an ed25519 seed has 32 bytes ...")),
	}
})

func ring(kid string) (string, crypto.PublicKey, bool) {
	if key, ok := signers()[kid]; ok {
		return kid, key.Public(), true
	}
	return "", nil, false
}

// signWith returns what a keys.Signer of that algorithm does.
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

// sign signs any payload under any typ.
func sign(t *testing.T, algorithm, typ, payload string) string {
	t.Helper()
	token, err := compact(typ, algorithm, algorithm, []byte(payload), signWith(algorithm))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// full is an access token that says all it can.
func full() Access {
	return Access{
		Issuer: issuer, Subject: "usr_alice", Audience: []string{"https://api.example", "reports"}, ClientID: "web",
		Scope: oauth.NewScope("read", "write"), IssuedAt: issued, ExpiresAt: issued.Add(10 * time.Minute), AuthTime: issued.Add(-time.Hour),
		ID: "AAAAAAAAAAAAAAAAAAAAAA", ACR: "urn:example:password", AMR: []string{"pwd", "otp"}, GrantID: "503563c1bda45327ff4617750a06bd81",
		Claims: map[string]any{"tenant": "a<b", "roles": []any{"admin", "dev"}, "https://example.com/level": json.Number("3"), "beta": true},
	}
}

// least is an access token that says what each must.
func least() Access {
	return Access{
		Issuer: issuer, Subject: "worker", Audience: []string{"reports"}, ClientID: "worker", IssuedAt: issued,
		ExpiresAt: issued.Add(time.Second), ID: NewID(),
	}
}

func TestAccessPayload(t *testing.T) {
	for _, c := range []struct {
		access Access
		want   string
	}{
		{full(), `{"iss":"https://issuer.example","sub":"usr_alice","aud":["https://api.example","reports"],"client_id":"web",` +
			`"scope":"read write","iat":1795435200,"exp":1795435800,"jti":"AAAAAAAAAAAAAAAAAAAAAA","auth_time":1795431600,` +
			`"acr":"urn:example:password","amr":["pwd","otp"],"sid":"503563c1bda45327ff4617750a06bd81",` +
			`"beta":true,"https://example.com/level":3,"roles":["admin","dev"],"tenant":"a\u003cb"}`},
		{func() Access { a := least(); a.ID = "x"; return a }(), `{"iss":"https://issuer.example","sub":"worker","aud":"reports",` +
			`"client_id":"worker","iat":1795435200,"exp":1795435201,"jti":"x"}`},
	} {
		got, err := c.access.appendPayload(nil)
		if err != nil || string(got) != c.want {
			t.Errorf("payload %s\nwant %s\n%v", got, c.want, err)
		}
	}
}

func TestAccessRoundTrip(t *testing.T) {
	for algorithm := range signers() {
		for _, want := range []Access{full(), least()} {
			payload, err := want.appendPayload(nil)
			if err != nil {
				t.Fatal(err)
			}
			// ECDSA signs differently each time, in either of two forms; every one must be read.
			for range 16 {
				text := sign(t, algorithm, accessType, string(payload))
				header, _, _ := strings.Cut(text, ".")
				b, err := base64.RawURLEncoding.DecodeString(header)
				if err != nil || string(b) != `{"typ":"at+jwt","alg":"`+algorithm+`","kid":"`+algorithm+`"}` {
					t.Fatalf("header %s, %v", b, err)
				}
				got, err := ReadAccess(text, issuer, ring, issued)
				if err != nil {
					t.Fatalf("%s: %v", algorithm, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s: read something else (-want +got):\n%s", algorithm, diff)
				}
			}
		}
	}
}

// Fractions of a second are cut off both ends, so that the lifetime stays.
func TestAccessFractions(t *testing.T) {
	a := least()
	a.IssuedAt, a.ExpiresAt = issued.Add(900*time.Millisecond), issued.Add(10*time.Minute+900*time.Millisecond)
	payload, err := a.appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadAccess(sign(t, keys.EdDSA, accessType, string(payload)), issuer, ring, issued.Add(time.Second))
	if err != nil || got.ExpiresAt.Sub(got.IssuedAt) != 10*time.Minute || !got.IssuedAt.Equal(issued) {
		t.Errorf("read %v to %v, %v", got.IssuedAt, got.ExpiresAt, err)
	}
}

func TestAccessRefusedToSign(t *testing.T) {
	for what, spoil := range map[string]func(*Access){
		"no iss":              func(a *Access) { a.Issuer = "" },
		"no sub":              func(a *Access) { a.Subject = "" },
		"a long sub":          func(a *Access) { a.Subject = strings.Repeat("x", 256) },
		"a sub not UTF-8":     func(a *Access) { a.Subject = "\xff" },
		"no aud":              func(a *Access) { a.Audience = nil },
		"an empty aud":        func(a *Access) { a.Audience = []string{"reports", ""} },
		"too many aud":        func(a *Access) { a.Audience = make([]string, 17) },
		"a malformed aud":     func(a *Access) { a.Audience = []string{"a b"} },
		"no client_id":        func(a *Access) { a.ClientID = "" },
		"no jti":              func(a *Access) { a.ID = "" },
		"no iat":              func(a *Access) { a.IssuedAt = time.Time{} },
		"no exp":              func(a *Access) { a.ExpiresAt = time.Time{} },
		"exp at iat":          func(a *Access) { a.ExpiresAt = a.IssuedAt },
		"exp too late":        func(a *Access) { a.ExpiresAt = time.Unix(maxTime+1, 0) },
		"auth_time in 1969":   func(a *Access) { a.AuthTime = time.Unix(-1, 0) },
		"an empty amr":        func(a *Access) { a.AMR = []string{""} },
		"a malformed sid":     func(a *Access) { a.GrantID = "503563C1BDA45327FF4617750A06BD81" },
		"a malformed scope":   func(a *Access) { a.Scope = oauth.Scope{`"`} },
		"a claim not JSON":    func(a *Access) { a.Claims = map[string]any{"f": func() {}} },
		"a claim too deep":    func(a *Access) { a.Claims = map[string]any{"d": json.RawMessage(`[[[[[[[[]]]]]]]]`)} },
		"a claim of two ways": func(a *Access) { a.Claims = map[string]any{"d": json.RawMessage(`{"a":1,"a":2}`)} },
	} {
		a := full()
		spoil(&a)
		if payload, err := a.appendPayload(nil); err == nil {
			t.Errorf("%s: signed %s", what, payload)
		}
	}
	a := full()
	a.Claims = map[string]any{"big": strings.Repeat("x", 6000)}
	payload, err := a.appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := compact(accessType, keys.EdDSA, "kid", payload, signWith(keys.EdDSA)); err == nil {
		t.Errorf("a token of %d bytes is signed", len(token))
	}
}

func TestSigningFails(t *testing.T) {
	broken := errors.New("the key is gone")
	_, err := compact(accessType, keys.EdDSA, "kid", []byte("{}"), func([]byte) ([]byte, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	_, err = compact(accessType, keys.ES256, "kid", []byte("{}"), func([]byte) ([]byte, error) { return make([]byte, 70), nil })
	if err == nil {
		t.Error("an ES256 signature of 70 bytes is taken")
	}
}

func TestErrors(t *testing.T) {
	if !errors.Is(ErrExpired, ErrInvalid) || !errors.Is(ErrInvalid, jws.ErrInvalid) || errors.Is(ErrInvalid, ErrExpired) {
		t.Error("the errors are not what they say")
	}
}
