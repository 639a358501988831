package jws

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

var errNoKey = errors.New("no such key")

// foreign returns a find function for VerifyForeign that returns the keys of
// pairs. For a token without a kid it returns the key of the given algorithm.
func foreign(algorithm string) func(string) (string, crypto.PublicKey, error) {
	return func(kid string) (string, crypto.PublicKey, error) {
		if kid == "" {
			kid = algorithm
		}
		algorithm, key, ok := ring(kid)
		if !ok {
			return "", nil, errNoKey
		}
		return algorithm, key, nil
	}
}

// verifyForeign is VerifyForeign for tests that have no use for the payload.
func verifyForeign(compact string, find func(string) (string, crypto.PublicKey, error)) (Token, error) {
	return VerifyForeign(compact, func([]byte) error { return nil }, find)
}

func TestVerifyForeign_AcceptsOtherForms(t *testing.T) {
	for _, p := range pairs() {
		for what, header := range map[string]string{
			"same as Verify": p.header(),
			"no kid":         fmt.Sprintf(`{"alg":%q}`, p.algorithm),
			"no typ":         fmt.Sprintf(`{"kid":%q,"alg":%q}`, p.algorithm, p.algorithm),
		} {
			got, err := verifyForeign(p.token(header, `{"sub":"alice"}`), foreign(p.algorithm))
			if err != nil || string(got.Payload) != `{"sub":"alice"}` || got.Algorithm != p.algorithm {
				t.Errorf("%s, %s: got %v, error %v", p.algorithm, what, got, err)
			}
		}
	}
	ed := pairOf(edDSA).token(`{"alg":"Ed25519","kid":"EdDSA"}`, "{}")
	if got, err := verifyForeign(ed, foreign("")); err != nil || got.Algorithm != edDSA {
		t.Errorf("alg Ed25519: got %v, error %v", got, err)
	}
	mustReject(t, "alg Ed25519 with Verify", ed, ring)

	other := otherForm(t, pairOf(es256).token(pairOf(es256).header(), "{}"))
	if _, err := verifyForeign(other, foreign("")); err != nil {
		t.Errorf("larger s: unexpected error: %v", err)
	}
	mustReject(t, "larger s with Verify", other, ring)
}

// otherForm replaces the s of an ES256 signature with n-s.
func otherForm(t *testing.T, compact string) string {
	t.Helper()
	at := strings.LastIndexByte(compact, '.') + 1
	signature, err := decode(compact[at:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(signature[p256Size:])
	s.Sub(p256Order, s).FillBytes(signature[p256Size:])
	return compact[:at] + encode(string(signature))
}

func TestVerifyForeign_IsOtherwiseStrict(t *testing.T) {
	p := pairOf(edDSA)
	valid := p.token(p.header(), "{}")
	for what, compact := range map[string]string{
		"alg none":           p.token(`{"alg":"none","kid":"EdDSA"}`, "{}"),
		"alg of another key": p.token(`{"alg":"RS256","kid":"EdDSA"}`, "{}"),
		"no alg":             p.token(`{"kid":"EdDSA"}`, "{}"),
		"crit":               p.token(`{"alg":"EdDSA","kid":"EdDSA","crit":["x"]}`, "{}"),
		"crit, ignored name": p.token(`{"alg":"EdDSA","kid":"EdDSA","crit":["cty"],"cty":"x"}`, "{}"),
		"b64":                p.token(`{"alg":"EdDSA","kid":"EdDSA","b64":false}`, "{}"),
		"duplicate x5t":      p.token(`{"alg":"EdDSA","kid":"EdDSA","x5t":"a","x5t":"b"}`, "{}"),
		"duplicate in x5c":   p.token(`{"alg":"EdDSA","kid":"EdDSA","x5c":[{"a":1,"a":1}]}`, "{}"),
		"malformed x5c":      p.token(`{"alg":"EdDSA","kid":"EdDSA","x5c":[}`, "{}"),
		"typ in other case":  p.token(`{"alg":"EdDSA","kid":"EdDSA","Typ":"JWT"}`, "{}"),
		"alg in other case":  p.token(`{"alg":"EdDSA","kid":"EdDSA","ALG":"none"}`, "{}"),
		"duplicate member":   p.token(`{"alg":"EdDSA","alg":"EdDSA","kid":"EdDSA"}`, "{}"),
		"padding":            valid + "=",
		"four parts":         valid + ".x",
		"two parts":          valid[:strings.LastIndexByte(valid, '.')],
		"invalid signature":  valid[:len(valid)-4] + "AAAA",
		"too long":           p.token(p.header(), strings.Repeat("x", MaxSize)),
	} {
		got, err := verifyForeign(compact, foreign(""))
		if err == nil || got.Payload != nil || got.Algorithm != "" {
			t.Errorf("%s: got %v, error %v, want ErrInvalid", what, got, err)
			continue
		}
		checkRefusal(t, what, err)
	}
	for what, header := range map[string]string{
		"unknown kid":    `{"alg":"EdDSA","kid":"x"}`,
		"no kid, no key": `{"alg":"EdDSA"}`,
	} {
		got, err := verifyForeign(p.token(header, "{}"), foreign(""))
		if err != errNoKey || got.Payload != nil {
			t.Errorf("%s: got %v, error %v, want the error of find", what, got, err)
		}
	}
}

// The members that other JWT libraries write are ignored (RFC 7515 §4), in
// every form.
func TestVerifyForeign_IgnoresOtherMembers(t *testing.T) {
	p := pairOf(edDSA)
	for _, member := range []string{
		`"x5t":"a"`, `"x5t#S256":"a"`, `"x5c":["a"]`, `"cty":"JWT"`, `"x5t":"a","x5t#S256":"b","x5c":[],"cty":""`,
		`"x5c":"http://127.0.0.1/"`, `"x5t":7`, `"cty":null`, `"ver":"1.0"`, `"https://example/a":{"b":[true]}`,
	} {
		compact := p.token(`{"alg":"EdDSA","kid":"EdDSA",`+member+`}`, `{"sub":"alice"}`)
		got, err := verifyForeign(compact, foreign(""))
		if err != nil || string(got.Payload) != `{"sub":"alice"}` || got.KeyID != "EdDSA" {
			t.Errorf("%s: got %v, error %v", member, got, err)
		}
		mustReject(t, member+" with Verify", compact, ring)
	}
}

// Rule 5: a foreign token is never the source of the key that verifies it. An
// x5c is ignored; the other members that name a key are refused.
func TestRule05_ForeignTokensBringNoKey(t *testing.T) {
	p := pairOf(edDSA)
	public := encode(string(p.private.Public().(ed25519.PublicKey)))
	for _, member := range []string{
		`"jwk":{"kty":"OKP","crv":"Ed25519","x":"` + public + `"}`, `"jku":"http://127.0.0.1:1/"`,
		`"x5u":"http://127.0.0.1:1/"`, `"JWK":{}`, `"Jku":""`, `"X5U":""`, `"jw\u004b":{}`, "\"jw\u212a\":{}",
	} {
		_, err := verifyForeign(p.token(`{"alg":"EdDSA","kid":"EdDSA",`+member+`}`, "{}"), foreign(""))
		if err == nil {
			t.Errorf("%s: no error", member)
			continue
		}
		checkRefusal(t, member, err)
	}
	embedded := p.token(`{"alg":"EdDSA","x5c":["`+public+`"]}`, "{}")
	if _, err := verifyForeign(embedded, foreign("")); err != errNoKey {
		t.Errorf("x5c and no kid: error %v, want the error of find", err)
	}
}

func TestVerifyForeign_ReadsThePayloadFirst(t *testing.T) {
	compact := pairOf(edDSA).token(`{"alg":"EdDSA","kid":"EdDSA","jwk":{}}`, `{"sub":"alice"}`)
	find := func(string) (string, crypto.PublicKey, error) {
		t.Error("find was called")
		return "", nil, errNoKey
	}
	var got string
	_, err := VerifyForeign(compact, func(payload []byte) error { got = string(payload); return nil }, find)
	if got != `{"sub":"alice"}` || !errors.Is(err, ErrInvalid) {
		t.Errorf("read the payload %q, error %v", got, err)
	}
	if _, err := VerifyForeign(compact, func([]byte) error { return errNoKey }, find); err != errNoKey {
		t.Errorf("error %v, want that of read", err)
	}
}
