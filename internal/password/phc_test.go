package password

import (
	"strings"
	"testing"
)

const (
	salt = "c2FsdHNhbHRzYWx0c2FsdA"
	key  = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	good = "$argon2id$v=19$m=64,t=2,p=1$" + salt + "$" + key
)

func TestParseTakesOneSpelling(t *testing.T) {
	if s, err := parse(good); err != nil || s.String() != good {
		t.Fatalf("parse(%s) = %s, %v", good, s, err)
	}
	h := hasher(t, cheap)
	for _, phc := range []string{
		" ", "$", "$$$$$", "x" + good, good + "$", good + "\n", " " + good,
		strings.Replace(good, "argon2id", "argon2i", 1),
		strings.Replace(good, "argon2id", "argon2d", 1),
		strings.Replace(good, "argon2id", "Argon2id", 1),
		strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "v=19", "v=019", 1),
		strings.Replace(good, "$v=19", "", 1),
		strings.Replace(good, "m=64,t=2,p=1", "t=2,m=64,p=1", 1),
		strings.Replace(good, "m=64,t=2,p=1", "m=64,t=2,p=1,keyid=AA", 1),
		strings.Replace(good, "m=64,t=2,p=1", "m=64,t=2", 1),
		strings.Replace(good, "m=64", "m=+64", 1),
		strings.Replace(good, "m=64", "m=064", 1),
		strings.Replace(good, "m=64", "m=0x40", 1),
		strings.Replace(good, "m=64", "m=-64", 1),
		strings.Replace(good, "m=64", "m=", 1),
		strings.Replace(good, "m=64", "m=4294967360", 1), // 64 in 32 bits
		strings.Replace(good, "p=1", "p=257", 1),         // 1 in 8 bits
		strings.Replace(good, salt, salt+"==", 1),
		strings.Replace(good, salt, salt[:21]+"B", 1), // spare bits
		strings.Replace(good, salt, salt[:4]+"\n"+salt[4:], 1),
		strings.Replace(good, salt, "", 1),
		strings.Replace(good, salt, "c2FsdHNhbA", 1),               // 7 bytes
		strings.Replace(good, salt, strings.Repeat("AAAA", 22), 1), // 66 bytes
		strings.Replace(good, key, "", 1),
		strings.Replace(good, key, "AAAAAAAAAAAAAAAAAAAA", 1),     // 15 bytes
		strings.Replace(good, key, strings.Repeat("AAAA", 22), 1), // 66 bytes
		strings.Replace(good, key, strings.Replace(key, "a", "-", 1), 1),
	} {
		refused(t, h, phc)
	}
}

func TestStoredHashCannotAskForTooMuch(t *testing.T) {
	h := hasher(t, cheap)
	for _, params := range []string{
		"m=262145,t=2,p=1", "m=4294967295,t=2,p=1", "m=64,t=11,p=1", "m=64,t=4294967295,p=1", "m=4096,t=2,p=17", "m=4096,t=2,p=255",
		"m=64,t=0,p=1", "m=64,t=2,p=0", "m=0,t=2,p=1", "m=7,t=2,p=1", "m=31,t=2,p=4",
	} {
		refused(t, h, strings.Replace(good, "m=64,t=2,p=1", params, 1))
	}
	for _, params := range []string{"m=262144,t=10,p=16", "m=8,t=1,p=1"} {
		if _, err := parse(strings.Replace(good, "m=64,t=2,p=1", params, 1)); err != nil {
			t.Errorf("%s: %v", params, err)
		}
	}
}

// refused fails the test if phc is verified, or if anything was computed for it.
func refused(t *testing.T, h *Hasher, phc string) {
	t.Helper()
	before := h.Hashes()
	if ok, rehash, err := h.Verify(t.Context(), phc, "x"); ok || rehash || err == nil {
		t.Errorf("Verify(%q) = %v, %v, %v", phc, ok, rehash, err)
	} else if strings.Contains(err.Error(), key[:8]) || strings.Contains(err.Error(), salt[:8]) {
		t.Errorf("the error shows the hash: %v", err)
	}
	if h.Hashes() != before {
		t.Errorf("Verify(%q) computed a hash", phc)
	}
}
