package password

import "testing"

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
	hashes := append(importedHashes[:len(importedHashes):len(importedHashes)],
		struct{ phc, password string }{mustHash(t, h, "password"), "password"})
	for _, c := range hashes {
		dummy, ok := h.Dummy(c.phc)
		if !ok {
			t.Errorf("%q has no dummy", c.phc)
		}
		wantVerify(t, h, dummy, c.password, false, false)
	}
}
