package keys

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
)

// The keys of the JWK Set can be exported in each state, and no other key.
func TestPublicPEM_OnlyPublishedKeys(t *testing.T) {
	keks := newKEKs(t)
	r := Ring{Keys: []Key{
		generated(t, keks, RS256), generated(t, keks, ES256), generated(t, keks, EdDSA), generated(t, keks, ES256),
		generated(t, keks, MAC), generated(t, keks, ES256), generated(t, keks, ES256),
	}}
	const old, spare, macKey, compromisedKey, destroyedKey = 1, 3, 4, 5, 6
	r.Keys[old].RetiredAt = noon
	activates(10)(&r.Keys[spare])
	compromised(0)(&r.Keys[compromisedKey])
	destroyed(0)(&r.Keys[destroyedKey])
	s, err := newSnapshot(r, keks, testPolicy(), nil)
	if err != nil || s.fault != nil {
		t.Fatal(err, s.fault)
	}
	o := &Operator{writer: &writer{cache: &ringCache{}}}
	o.writer.cache.snapshot.Store(s)

	for _, k := range r.Keys[:macKey] {
		algorithm, text, err := o.PublicPEM(k.ID)
		block, rest := pem.Decode(text)
		if err != nil || algorithm != k.Algorithm || block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
			t.Fatalf("%s: %s, %v\n%s", k.Algorithm, algorithm, err, text)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if kid, err := thumbprint(public); err != nil || kid != k.ID {
			t.Errorf("the PEM is of the key %s, want %s (%v)", kid, k.ID, err)
		}
	}

	for id, want := range map[string]string{
		r.Keys[macKey].ID:         "is a MAC key",
		r.Keys[compromisedKey].ID: "is compromised",
		r.Keys[destroyedKey].ID:   "was destroyed at 2026-11-23T12:00:00Z",
		"nosuchkey":               "there is no key nosuchkey",
	} {
		_, text, err := o.PublicPEM(id)
		if err == nil || !strings.Contains(err.Error(), want) || text != nil {
			t.Errorf("%v\n%s\nwant %q", err, text, want)
		}
	}
	_, _, err = o.PublicPEM("nosuchkey")
	if !errors.Is(err, ErrUnknownKey) || err.Error() != "there is no key nosuchkey" {
		t.Errorf("an unknown key: %v", err)
	}
}
