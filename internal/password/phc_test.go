package password

import (
	"strings"
	"testing"
)

func TestParseArgon2_AcceptsOnlyTheCanonicalForm(t *testing.T) {
	if h, err := parseArgon2(validHash); err != nil || h.String() != validHash {
		t.Fatalf("parseArgon2(%s) = %s, %v", validHash, h, err)
	}

	h := hasher(t, testParams)
	for _, phc := range []string{
		" ", "$", "$$$$$", "x" + validHash, validHash + "$", validHash + "\n", " " + validHash,
		strings.Replace(validHash, "argon2id", "argon2d", 1),
		strings.Replace(validHash, "argon2id", "Argon2id", 1),
		strings.Replace(validHash, "v=19", "v=16", 1),
		strings.Replace(validHash, "v=19", "v=019", 1),
		strings.Replace(validHash, "$v=19", "", 1),
		strings.Replace(validHash, "m=64,t=2,p=1", "t=2,m=64,p=1", 1),
		strings.Replace(validHash, "m=64,t=2,p=1", "m=64,t=2,p=1,keyid=AA", 1),
		strings.Replace(validHash, "m=64,t=2,p=1", "m=64,t=2", 1),
		strings.Replace(validHash, "m=64", "m=+64", 1),
		strings.Replace(validHash, "m=64", "m=064", 1),
		strings.Replace(validHash, "m=64", "m=0x40", 1),
		strings.Replace(validHash, "m=64", "m=-64", 1),
		strings.Replace(validHash, "m=64", "m=", 1),
		// 64 when truncated to 32 bits
		strings.Replace(validHash, "m=64", "m=4294967360", 1),
		// 1 when truncated to 8 bits
		strings.Replace(validHash, "p=1", "p=257", 1),
		strings.Replace(validHash, salt, salt+"==", 1),
		// nonzero unused bits
		strings.Replace(validHash, salt, salt[:21]+"B", 1),
		strings.Replace(validHash, salt, salt[:4]+"\n"+salt[4:], 1),
		strings.Replace(validHash, salt, "", 1),
		// 7 bytes
		strings.Replace(validHash, salt, "c2FsdHNhbA", 1),
		// 66 bytes
		strings.Replace(validHash, salt, strings.Repeat("AAAA", 22), 1),
		strings.Replace(validHash, key, "", 1),
		// 15 bytes
		strings.Replace(validHash, key, "AAAAAAAAAAAAAAAAAAAA", 1),
		// 66 bytes
		strings.Replace(validHash, key, strings.Repeat("AAAA", 22), 1),
		strings.Replace(validHash, key, strings.Replace(key, "a", "-", 1), 1),
	} {
		wantRejected(t, h, phc)
	}
}

func TestVerify_RejectsParamsOutOfBounds(t *testing.T) {
	h := hasher(t, testParams)
	for _, params := range []string{
		"m=262145,t=2,p=1", "m=4294967295,t=2,p=1", "m=64,t=11,p=1", "m=64,t=4294967295,p=1", "m=4096,t=2,p=17",
		"m=4096,t=2,p=255",
		"m=64,t=0,p=1", "m=64,t=2,p=0", "m=0,t=2,p=1", "m=7,t=2,p=1", "m=31,t=2,p=4",
	} {
		wantRejected(t, h, strings.Replace(validHash, "m=64,t=2,p=1", params, 1))
	}
	for _, params := range []string{"m=262144,t=10,p=16", "m=8,t=1,p=1"} {
		if _, err := parseArgon2(strings.Replace(validHash, "m=64,t=2,p=1", params, 1)); err != nil {
			t.Errorf("%s: %v", params, err)
		}
	}
}
