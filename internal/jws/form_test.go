package jws

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

func TestRule08_OneStringForm(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	good := pairOf(edDSA).token(`{"alg":"EdDSA","kid":"EdDSA"}`, `{"a":1}`)
	for i := range good {
		for _, c := range []byte(alphabet + "=+/ \n\r\t.,\x00\xff") {
			if c != good[i] {
				mustRefuse(t, fmt.Sprintf("%q at %d", c, i), good[:i]+string(c)+good[i+1:], ring)
			}
		}
	}
	for _, p := range pairs() {
		good := p.token(p.header(), `{"a":1}`)
		if _, err := Verify(good, ring); err != nil {
			t.Fatal(err)
		}
		for i := range good {
			other := byte('A')
			if n := strings.IndexByte(alphabet, good[i]); n >= 0 {
				other = alphabet[n^1] // the lowest bit, which may be a spare one
			}
			mustRefuse(t, fmt.Sprintf("%s, changed at %d", p.algorithm, i), good[:i]+string(other)+good[i+1:], ring)
			mustRefuse(t, fmt.Sprintf("%s, shorter at %d", p.algorithm, i), good[:i]+good[i+1:], ring)
		}
		for i := range len(good) + 1 {
			for _, more := range []string{"A", "=", "==", " ", "\n", "\r\n", ".", "\x00"} {
				mustRefuse(t, fmt.Sprintf("%s, %q inserted at %d", p.algorithm, more, i), good[:i]+more+good[i:], ring)
			}
		}
	}
}

func TestRule08_Forms(t *testing.T) {
	p := pairOf(edDSA)
	good := p.token(p.header(), "???>>>") // base64url of which has _ and -
	parts := strings.Split(good, ".")
	for what, compact := range map[string]string{
		"base64":           strings.NewReplacer("-", "+", "_", "/").Replace(good),
		"padded":           parts[0] + "==." + parts[1] + "." + parts[2],
		"two parts":        parts[0] + "." + parts[1],
		"one part":         parts[0],
		"four parts":       good + "." + parts[2],
		"five parts":       good + "." + parts[2] + "." + parts[2],
		"empty":            "",
		"dots":             "..",
		"no payload":       parts[0] + ".." + parts[2],
		"Bearer":           "Bearer " + good,
		"quoted":           `"` + good + `"`,
		"JSON, flattened":  fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]),
		"JSON, general":    fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2]),
		"detached payload": parts[0] + "." + "." + parts[2],
	} {
		mustRefuse(t, what, compact, ring)
	}
	// The other form of an ES256 signature is as good as the first, which is why it must not be the token's.
	ec := pairOf(es256)
	good = ec.token(ec.header(), "x")
	cut := strings.LastIndexByte(good, '.')
	signature, err := base64.RawURLEncoding.DecodeString(good[cut+1:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(p256Order, s).FillBytes(signature[32:])
	if err := VerifySignature(es256, ec.private.Public(), []byte(good[:cut]), signature); err != nil {
		t.Errorf("the other form does not verify: %v", err)
	}
	mustRefuse(t, "the other form", good[:cut+1]+encode(string(signature)), ring)
	if back, err := CanonicalSignature(es256, signature); err != nil || encode(string(back)) != good[cut+1:] {
		t.Errorf("the canonical form of the other form is not the first: %v", err)
	}
}
