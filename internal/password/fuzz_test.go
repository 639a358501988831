package password

import (
	"strings"
	"testing"
	"time"
)

// Verify rejects or computes any string in the database, within the limits of
// time and memory. An error does not quote the string.
func FuzzStoredHash(f *testing.F) {
	f.Add(validHash)
	for _, c := range importedHashes {
		f.Add(c.phc)
	}
	h := hasherWith(f, testParams, 1<<20, 2)
	f.Fuzz(func(t *testing.T, phc string) {
		err := h.Check(phc)
		if err != nil && len(phc) > 40 && strings.Contains(err.Error(), phc[20:]) {
			t.Errorf("the error quotes the hash: %v", err)
		}
		if err != nil {
			return
		}
		dummy, ok := h.Dummy(phc)
		if again, _ := h.Dummy(dummy); !ok || again != dummy || len(dummy) != len(phc) || cost(dummy) != cost(phc) {
			t.Errorf("Dummy(%q) = %q, %v; Dummy of that = %q", phc, dummy, ok, again)
		}
		if expensive(phc) {
			return
		}

		start := time.Now()
		if ok, _, err := h.Verify(t.Context(), phc, "correct horse battery staple"); err != nil || ok {
			t.Errorf("Verify(%q) = %v, %v, but Check accepts it", phc, ok, err)
		}
		if elapsed := time.Since(start); elapsed > 20*time.Second {
			t.Errorf("Verify(%q) took %v", phc, elapsed)
		}
	})
}

// cost returns the resources of a hash.
func cost(phc string) resources {
	if isNative(phc) {
		a, _ := parseArgon2(phc)
		return a.params.need()
	}
	h, _ := parseImported(phc)
	return h.need
}

// expensive reports whether a hash can take so much time that it would slow
// down the fuzzing.
func expensive(phc string) bool {
	return cost(phc) == smallHash && !strings.HasPrefix(phc, "$2a$05$") && !strings.HasPrefix(phc, "{SSHA")
}
