package jws

import (
	"crypto"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// foreign finds the keys of pairs for VerifyForeign; without a kid, that of the one algorithm.
func foreign(only string) func(string, []byte) (string, crypto.PublicKey, bool) {
	return func(kid string, _ []byte) (string, crypto.PublicKey, bool) {
		if kid == "" {
			kid = only
		}
		return ring(kid)
	}
}

func TestForeignTokensMayDiffer(t *testing.T) {
	for _, p := range pairs() {
		for what, header := range map[string]string{
			"as ours": p.header(), "no kid": fmt.Sprintf(`{"alg":%q}`, p.algorithm), "no typ": fmt.Sprintf(`{"kid":%q,"alg":%q}`, p.algorithm, p.algorithm),
		} {
			got, err := VerifyForeign(p.token(header, `{"sub":"alice"}`), foreign(p.algorithm))
			if err != nil || string(got.Payload) != `{"sub":"alice"}` || got.Algorithm != p.algorithm {
				t.Errorf("%s, %s: %v %v", p.algorithm, what, got, err)
			}
		}
	}
	ed := pairOf(edDSA).token(`{"alg":"Ed25519","kid":"EdDSA"}`, "{}")
	if got, err := VerifyForeign(ed, foreign("")); err != nil || got.Algorithm != edDSA {
		t.Errorf("Ed25519: %v %v", got, err)
	}
	mustRefuse(t, "Ed25519 among ours", ed, ring)

	other := otherForm(t, pairOf(es256).token(pairOf(es256).header(), "{}"))
	if _, err := VerifyForeign(other, foreign("")); err != nil {
		t.Errorf("the larger s: %v", err)
	}
	mustRefuse(t, "the larger s among ours", other, ring)
}

// otherForm turns the s of an ES256 signature into n-s.
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

// What is never read is not read of others either.
func TestForeignTokensAreReadStrictly(t *testing.T) {
	p := pairOf(edDSA)
	good := p.token(p.header(), "{}")
	for what, compact := range map[string]string{
		"alg none":        p.token(`{"alg":"none","kid":"EdDSA"}`, "{}"),
		"alg of another":  p.token(`{"alg":"RS256","kid":"EdDSA"}`, "{}"),
		"no alg":          p.token(`{"kid":"EdDSA"}`, "{}"),
		"crit":            p.token(`{"alg":"EdDSA","kid":"EdDSA","crit":["x"]}`, "{}"),
		"a key inside":    p.token(`{"alg":"EdDSA","kid":"EdDSA","jwk":{}}`, "{}"),
		"a member twice":  p.token(`{"alg":"EdDSA","alg":"EdDSA","kid":"EdDSA"}`, "{}"),
		"unknown kid":     p.token(`{"alg":"EdDSA","kid":"x"}`, "{}"),
		"no kid, no key":  p.token(`{"alg":"EdDSA"}`, "{}"),
		"padding":         good + "=",
		"four parts":      good + ".x",
		"two parts":       good[:strings.LastIndexByte(good, '.')],
		"wrong signature": good[:len(good)-4] + "AAAA",
		"too long":        p.token(p.header(), strings.Repeat("x", MaxSize)),
	} {
		got, err := VerifyForeign(compact, foreign(""))
		if err == nil || got.Payload != nil || got.Algorithm != "" {
			t.Errorf("%s: %v %v", what, got, err)
			continue
		}
		checkRefusal(t, what, err)
	}
}
