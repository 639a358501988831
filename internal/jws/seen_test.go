package jws

import (
	"crypto"
	"crypto/ed25519"
	"strings"
	"testing"
)

// TestValidSignatures_AreOfOneTokenAndKey: a signature that was valid before is
// valid again only with the same content and under the same key.
func TestValidSignatures_AreOfOneTokenAndKey(t *testing.T) {
	var v ValidSignatures
	for _, p := range pairs() {
		valid, other := p.token(p.header(), "one"), p.token(p.header(), "two")
		cut := strings.LastIndexByte(valid, '.') + 1
		for range 2 {
			if got, err := v.Verify(valid, ring); err != nil || string(got.Payload) != "one" {
				t.Errorf("%s: got %+v, error %v", p.algorithm, got, err)
			}
		}
		for _, key := range []crypto.PublicKey{strangerKey, "not a key", nil} {
			find := func(string) (string, crypto.PublicKey, bool) { return p.algorithm, key, true }
			if _, err := v.Verify(valid, find); err == nil {
				t.Errorf("%s: a token is valid under the key %v", p.algorithm, key)
			}
		}
		for _, mixed := range []string{valid[:cut] + other[cut:], valid[:cut], valid + "AAAA"} {
			if _, err := v.Verify(mixed, ring); err == nil {
				t.Errorf("%s: %s is valid", p.algorithm, mixed)
			}
		}
	}
}

var strangerKey = ed25519.NewKeyFromSeed([]byte("another ed25519 seed of 32 bytes")).Public()

// TestValidSignatures_AreBounded: however many tokens are verified, the number
// of signatures that are remembered is bounded, and the latest are among them.
func TestValidSignatures_AreBounded(t *testing.T) {
	var v ValidSignatures
	for i := range 5 * maxSeen {
		v.add(signatureID{byte(i), byte(i >> 8), byte(i >> 16)}, strangerKey)
	}
	if n := len(v.current) + len(v.previous); n != 2*maxSeen {
		t.Errorf("%d signatures, want %d", n, 2*maxSeen)
	}
	const last = 5*maxSeen - 1
	if !v.has(signatureID{last & 0xff, last >> 8 & 0xff, last >> 16}, strangerKey) {
		t.Error("the last signature is forgotten")
	}
}
