package keys_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/signetd/signet/keys"
)

func newP256(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func importKey(t *testing.T, m *keys.Manager, text, as string) (kid string) {
	t.Helper()
	kid, err := m.Operator().Import(t.Context(), by, []byte(text), as)
	must(t, err)
	return kid
}

// An imported key keeps the kid of its JWK, or gets the kid that the operator
// names. The key signs under it after a rotation, on servers that start later
// too, and can be compromised.
func TestImport_KeepsTheKID(t *testing.T) {
	const longest = 128
	for name, test := range map[string]struct{ member, as, want string }{
		"JWK":                  {"key-2024", "", "key-2024"},
		"JWK, another kid":     {"key-2024", "2024/05#1", "2024/05#1"},
		"JWK of another form":  {strings.Repeat("A", 43), "", strings.Repeat("A", 43)},
		"JWK, replaces a bad":  {"a b", "a_b", "a_b"},
		"PEM":                  {"", "DkKMPE7hFVEn77WWhVuzaoFp4O8=", "DkKMPE7hFVEn77WWhVuzaoFp4O8="},
		"PEM, the longest kid": {"", strings.Repeat("~", longest), strings.Repeat("~", longest)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			m, other := f.open(), f.open()
			private := newP256(t)
			text := pkcs8(t, private)
			if test.member != "" {
				text = inJWK(t, private, map[string]any{"kid": test.member})
			}
			if kid := importKey(t, m, text, test.as); kid != test.want {
				t.Fatalf("the kid is %s, want %s", kid, test.want)
			}
			must(t, other.Refresh(t.Context()))
			if _, public, ok := publicKey(other, test.want); !ok || !private.PublicKey.Equal(public) {
				t.Error("another server does not have the key after a poll")
			}
			if !publishedKIDs(m)[test.want] {
				t.Errorf("the key is not in %s", m.Set().Bytes)
			}

			rotateNow(t, m, keys.ES256)
			if kid := f.activeKID(m, keys.ES256); kid != test.want {
				t.Errorf("%s signs", kid)
			}
			if kid := f.activeKID(f.open(), keys.ES256); kid != test.want {
				t.Errorf("after a restart %s signs", kid)
			}
			verifyWithFirstKey(t, m, keys.ES256)
			must(t, m.Operator().Compromise(t.Context(), by, test.want))
			if _, _, err := m.PublicKey(t.Context(), test.want); !errors.Is(err, keys.ErrCompromised) {
				t.Errorf("after the compromise: %v", err)
			}
			if kid := f.activeKID(m, keys.ES256); kid == test.want {
				t.Error("the compromised key signs")
			}
			must(t, f.open().Health())
		})
	}
}

// A kid that cannot stand in a header, a table or a shell is refused, and so is
// one that names another key: one that signs, a MAC key, a destroyed key, or a
// key whose thumbprint it is. A key is imported once, under whatever kid.
func TestImport_RejectsKIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m := f.open()
		destroyed := f.activeKID(m, keys.ES256)
		imported := newP256(t)
		importKey(t, m, pkcs8(t, imported), "imported")
		rotateNow(t, m, keys.ES256)
		pollUntil(t, time.Now().Add(3*time.Hour), m)
		if !slices.Contains(kids(m, keys.ES256, keys.Destroyed), destroyed) {
			t.Fatal("the first key is not destroyed")
		}
		mac, _, err := m.CurrentMAC()
		must(t, err)
		key, err := jwk.FromRaw(imported.Public())
		must(t, err)
		must(t, jwk.AssignKeyID(key))
		version := f.ring().Version

		new, another := newP256(t), "another key of the ring has the kid "
		for kid, want := range map[string]string{
			"a b": "printable ASCII", "a\"b": "printable ASCII", `a\b`: "printable ASCII", "a\n": "printable ASCII",
			"é": "printable ASCII", strings.Repeat("a", 129): "printable ASCII", "\x7f": "printable ASCII",
			"imported": another, f.activeKID(m, keys.ES256): another, mac: another, destroyed: another,
			key.KeyID(): another + key.KeyID(),
		} {
			for _, text := range []string{inJWK(t, new, map[string]any{"kid": kid}), pkcs8(t, new)} {
				as := ""
				if strings.HasPrefix(text, "-") {
					as = kid
				}
				_, err := m.Operator().Import(t.Context(), by, []byte(text), as)
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("the kid %q: %v, want %q", kid, err, want)
				}
			}
		}
		_, err = m.Operator().Import(t.Context(), by, []byte(pkcs8(t, imported)), "again")
		if err == nil || err.Error() != "the key imported is in the ring already" {
			t.Errorf("the same key under another kid: %v", err)
		}
		if now := f.ring().Version; now != version {
			t.Errorf("the ring changed from version %d to %d", version, now)
		}
	})
}

// The previous issuer may have had several keys. Each stays in the JWK Set.
func TestImport_SecondKeyKeepsTheFirst(t *testing.T) {
	f := newFixture(t)
	f.setInUse(keys.EdDSA)
	m := f.open()
	generated := kids(m, keys.EdDSA, keys.PreActive)
	for _, kid := range []string{"old-2", "old-1"} {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		importKey(t, m, inJWK(t, private, map[string]any{"kid": kid}), "")
	}
	must(t, m.Poll(t.Context()))
	if got := kids(m, keys.EdDSA, keys.PreActive); len(got) != 2 || slices.Contains(got, generated[0]) {
		t.Errorf("the spares are %q", got)
	}
	rotateNow(t, m, keys.EdDSA)
	if kid := f.activeKID(m, keys.EdDSA); kid != "old-2" || !publishedKIDs(m)["old-1"] {
		t.Errorf("%s signs, and the set is %s", kid, m.Set().Bytes)
	}
}
