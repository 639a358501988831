package jws

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// Rule 08: a token has one string form. Every change of a character is
// rejected.
func TestRule08_RejectsChangedCharacters(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	valid := pairOf(edDSA).token(`{"alg":"EdDSA","kid":"EdDSA"}`, `{"a":1}`)
	for i := range valid {
		for _, c := range []byte(alphabet + "=+/ \n\r\t.,\x00\xff") {
			if c != valid[i] {
				mustReject(t, fmt.Sprintf("%q at %d", c, i), valid[:i]+string(c)+valid[i+1:], ring)
			}
		}
	}
	for _, p := range pairs() {
		valid := p.token(p.header(), `{"a":1}`)
		if _, err := Verify(valid, ring); err != nil {
			t.Fatal(err)
		}
		for i := range valid {
			other := byte('A')
			if n := strings.IndexByte(alphabet, valid[i]); n >= 0 {
				// Change the lowest bit, which may be an unused trailing bit.
				other = alphabet[n^1]
			}
			mustReject(t, fmt.Sprintf("%s, changed at %d", p.algorithm, i), valid[:i]+string(other)+valid[i+1:], ring)
			mustReject(t, fmt.Sprintf("%s, without the character at %d", p.algorithm, i), valid[:i]+valid[i+1:], ring)
		}
		for i := range len(valid) + 1 {
			for _, more := range []string{"A", "=", "==", " ", "\n", "\r\n", ".", "\x00"} {
				what := fmt.Sprintf("%s, %q inserted at %d", p.algorithm, more, i)
				mustReject(t, what, valid[:i]+more+valid[i:], ring)
			}
		}
	}
}

// Rule 08: other encodings and serializations of a token are rejected.
func TestRule08_RejectsOtherForms(t *testing.T) {
	p := pairOf(edDSA)
	valid := p.token(p.header(), "???>>>") // its base64url contains _ and -
	parts := strings.Split(valid, ".")
	for what, compact := range map[string]string{
		"base64":          strings.NewReplacer("-", "+", "_", "/").Replace(valid),
		"padded":          parts[0] + "==." + parts[1] + "." + parts[2],
		"two parts":       parts[0] + "." + parts[1],
		"one part":        parts[0],
		"four parts":      valid + "." + parts[2],
		"five parts":      valid + "." + parts[2] + "." + parts[2],
		"empty":           "",
		"dots":            "..",
		"no payload":      parts[0] + ".." + parts[2],
		"Bearer":          "Bearer " + valid,
		"quoted":          `"` + valid + `"`,
		"JSON, flattened": fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
		"JSON, general": fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`,
			parts[1], parts[0], parts[2]),
		"detached payload": parts[0] + "." + "." + parts[2],
	} {
		mustReject(t, what, compact, ring)
	}

	// Both forms of an ES256 signature are valid, so Verify must reject the one
	// that is not canonical.
	ec := pairOf(es256)
	valid = ec.token(ec.header(), "x")
	cut := strings.LastIndexByte(valid, '.')
	signature, err := base64.RawURLEncoding.DecodeString(valid[cut+1:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(p256Order, s).FillBytes(signature[32:])
	if err := VerifySignature(es256, ec.private.Public(), []byte(valid[:cut]), signature); err != nil {
		t.Errorf("other form: VerifySignature returned %v", err)
	}
	mustReject(t, "other form", valid[:cut+1]+encode(string(signature)), ring)
	if back, err := CanonicalSignature(es256, signature); err != nil || encode(string(back)) != valid[cut+1:] {
		t.Errorf("CanonicalSignature did not return the first form (error %v)", err)
	}
}
