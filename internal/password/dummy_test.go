package password

import (
	"slices"
	"testing"
	"time"
)

// Dummy keeps what determines the cost of a hash: the format, its parameters,
// and the lengths of the salt and the key.
func TestDummy_KeepsTheCostWithoutSaltAndKey(t *testing.T) {
	h := hasherWith(t, testParams, 80<<20, 2)
	for phc, want := range map[string]string{
		"$argon2id$v=19$m=256,t=3,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc": "" +
			"$argon2id$v=19$m=256,t=3,p=2$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq": "" +
			"$2y$07$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha256$i=4096,l=32$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o=": "" +
			"$pbkdf2-sha256$i=4096,l=32$AAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E": "" +
			"$scrypt$ln=16,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2i$v=19$m=256,t=2,p=4$yZzVkSQk4mI$YCax+uVGhDnKqHNua+j78g": "" +
			"$argon2i$v=19$m=256,t=2,p=4$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"{argon2}$argon2id$v=19$m=256,t=2,p=4$yZzVkSQk4mI$YCax+uVGhDnKqHNua+j78g": "" +
			"{argon2}$argon2id$v=19$m=256,t=2,p=4$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"bcrypt_sha256$$2b$04$S97YK.k3C401H1UlwG5OL.cbdpO3DY2gkCAcSP8dOv0ZQ7iAfRQja": "" +
			"bcrypt_sha256$$2b$04$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"pbkdf2_sha1$1000$lLje2YvVNfHZYYJwGzJk9w$KvxJf9Rgn0jEZdPcebBAVR+0jTo=": "" +
			"pbkdf2_sha1$1000$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"$5$rounds=2000$h.v/bN.ReSA0tdgq$3sfVuobGRGLYDn7oWkniAHSnRoti7Ev.EmUn2eHU0F9": "" +
			"$5$rounds=2000$................$...........................................",
		"$P$B83Nyi4sa5ifj9hWO0PVQ5gmsqLphy0":                   "$P$B..............................",
		"{ldap}{SSHA}8+3rHnPHlZpGhUP23Cl2w03d3QwTEsC2vBcEEw==": "{ldap}{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"{sha256}4c1a450691263c30fe31ebdb524713f7d6e2c9655078327b6e2009178d5b6e798b454850722dbe35": "" +
			"{sha256}00000000000000000000000000000000000000000000000000000000000000000000000000000000",
	} {
		if got, ok := h.Dummy(phc); got != want || !ok {
			t.Errorf("Dummy(%q) = %q, %v; want %q", phc, got, ok, want)
		}
	}
	for _, phc := range []string{
		"", "x", "$2b$15$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq", "$argon2id$v=19$m=64,t=2,p=1$c2Fs",
		"$argon2id$v=19$m=131072,t=2,p=1$" + salt + "$" + key, // more than the memory budget
	} {
		if got, ok := h.Dummy(phc); ok || got != "" {
			t.Errorf("Dummy(%q) = %q, %v; want none", phc, got, ok)
		}
	}
}

// Rule 49: a dummy of any format costs one hash and matches no password.
func TestDummy_CostsOneHashAndNeverMatches(t *testing.T) {
	h := hasherWith(t, testParams, 80<<20, 2)
	for _, c := range append(slices.Clone(importedHashes), vector{mustHash(t, h, "password"), "password"}) {
		dummy, ok := h.Dummy(c.phc)
		if !ok {
			t.Errorf("%q has no dummy", c.phc)
		}
		wantVerify(t, h, dummy, c.password, false, false)
	}
}

// Rule 49: a dummy of any format takes as long as the hash for which it stands.
// The test compares the shortest times, because other programs can only make a
// hash take longer. It ends as soon as none of the two takes twice as long as
// the other.
func TestRule49_DummiesTakeAsLongAsTheirHashes(t *testing.T) {
	h := hasherWith(t, testParams, 80<<20, 2)
	took := func(phc string) time.Duration {
		start := time.Now()
		if _, _, err := h.Verify(t.Context(), phc, "attempt"); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	for _, c := range importedHashes {
		dummy, _ := h.Dummy(c.phc)
		stored, unknown := took(c.phc), took(dummy)
		alike := func() bool { return max(stored, unknown) < 2*min(stored, unknown)+20*time.Microsecond }
		for n := 0; n < 50 && !alike(); n++ {
			stored, unknown = min(stored, took(c.phc)), min(unknown, took(dummy))
		}
		if !alike() {
			t.Errorf("%q takes %v, but its dummy takes %v", c.phc, stored, unknown)
		}
	}
}
