package jws

import (
	"crypto"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// foreign returns a find function for VerifyForeign that returns the keys of
// pairs. For a token without a kid it returns the key of the given algorithm.
func foreign(algorithm string) func(string, []byte) (string, crypto.PublicKey, bool) {
	return func(kid string, _ []byte) (string, crypto.PublicKey, bool) {
		if kid == "" {
			kid = algorithm
		}
		return ring(kid)
	}
}

func TestVerifyForeign_AcceptsOtherForms(t *testing.T) {
	for _, p := range pairs() {
		for what, header := range map[string]string{
			"same as Verify": p.header(),
			"no kid":         fmt.Sprintf(`{"alg":%q}`, p.algorithm),
			"no typ":         fmt.Sprintf(`{"kid":%q,"alg":%q}`, p.algorithm, p.algorithm),
		} {
			got, err := VerifyForeign(p.token(header, `{"sub":"alice"}`), foreign(p.algorithm))
			if err != nil || string(got.Payload) != `{"sub":"alice"}` || got.Algorithm != p.algorithm {
				t.Errorf("%s, %s: got %v, error %v", p.algorithm, what, got, err)
			}
		}
	}
	ed := pairOf(edDSA).token(`{"alg":"Ed25519","kid":"EdDSA"}`, "{}")
	if got, err := VerifyForeign(ed, foreign("")); err != nil || got.Algorithm != edDSA {
		t.Errorf("alg Ed25519: got %v, error %v", got, err)
	}
	mustReject(t, "alg Ed25519 with Verify", ed, ring)

	other := otherForm(t, pairOf(es256).token(pairOf(es256).header(), "{}"))
	if _, err := VerifyForeign(other, foreign("")); err != nil {
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
		"embedded key":       p.token(`{"alg":"EdDSA","kid":"EdDSA","jwk":{}}`, "{}"),
		"duplicate member":   p.token(`{"alg":"EdDSA","alg":"EdDSA","kid":"EdDSA"}`, "{}"),
		"unknown kid":        p.token(`{"alg":"EdDSA","kid":"x"}`, "{}"),
		"no kid, no key":     p.token(`{"alg":"EdDSA"}`, "{}"),
		"padding":            valid + "=",
		"four parts":         valid + ".x",
		"two parts":          valid[:strings.LastIndexByte(valid, '.')],
		"invalid signature":  valid[:len(valid)-4] + "AAAA",
		"too long":           p.token(p.header(), strings.Repeat("x", MaxSize)),
	} {
		got, err := VerifyForeign(compact, foreign(""))
		if err == nil || got.Payload != nil || got.Algorithm != "" {
			t.Errorf("%s: got %v, error %v, want ErrInvalid", what, got, err)
			continue
		}
		checkRefusal(t, what, err)
	}
}
