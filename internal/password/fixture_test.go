package password

import (
	"strings"
	"testing"
)

// testParams make the hashes of the tests inexpensive. The algorithm is the
// same as in production.
var testParams = Params{Memory: 64, Iterations: 2, Parallelism: 1}

// least are the lowest parameters of production.
var least = MinParams()

// These constants are the parts of a valid argon2id hash.
const (
	salt      = "c2FsdHNhbHRzYWx0c2FsdA"
	key       = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	validHash = "$argon2id$v=19$m=64,t=2,p=1$" + salt + "$" + key
)

// These constants are the secret parts of hashes of other programs.
const (
	// key64 are 64 bytes in base64 with padding.
	key64 = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5aw=="
	hex96 = "6b65796b65796b65796b65796b65796b65796b65796b65796b65796b65796b65796b65796b65796b65796b65796b6579"
	// crypt43 and crypt86 are keys of 32 and 64 bytes in the digits of
	// crypt(3). crypt30 is the salt and the key of phpass.
	crypt43 = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2."
	crypt86 = crypt43 + crypt43
	crypt30 = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a."
)

// hasherWith returns a Hasher with the given parameters, memory budget and
// CPUs.
func hasherWith(t testing.TB, p Params, memoryBudget int64, cpus int) *Hasher {
	t.Helper()
	h, err := newHasher(Options{Params: p, MinParams: p, MemoryBudget: memoryBudget}, cpus)
	must(t, err)
	return h
}

// hasher returns a Hasher with a memory budget of 64 MiB and two CPUs.
func hasher(t *testing.T, p Params) *Hasher {
	t.Helper()
	return hasherWith(t, p, 64<<20, 2)
}

func mustHash(t *testing.T, h *Hasher, password string) string {
	t.Helper()
	phc, err := h.Hash(t.Context(), password)
	must(t, err)
	return phc
}

// wantVerify fails the test if Verify does not return ok and rehash, or if it
// does not compute exactly one hash.
func wantVerify(t *testing.T, h *Hasher, phc, password string, ok, rehash bool) {
	t.Helper()
	before := h.Stats().Hashes
	gotOK, gotRehash, err := h.Verify(t.Context(), phc, password)
	if err != nil || gotOK != ok || gotRehash != rehash {
		t.Errorf("Verify(%q, %q) = %v, %v, %v; want %v, %v", phc, password, gotOK, gotRehash, err, ok, rehash)
	}
	if n := h.Stats().Hashes - before; n != 1 {
		t.Errorf("Verify(%q, %q) computed %d hashes, want 1", phc, password, n)
	}
}

// wantRejected fails the test if Verify does not reject phc, if the error
// quotes it, or if a hash is computed.
func wantRejected(t *testing.T, h *Hasher, phc string) {
	t.Helper()
	before := h.Stats().Hashes
	if ok, rehash, err := h.Verify(t.Context(), phc, "x"); ok || rehash || err == nil {
		t.Errorf("Verify(%q) = %v, %v, %v; want an error", phc, ok, rehash, err)
	} else if strings.Contains(err.Error(), key[:8]) || strings.Contains(err.Error(), salt[:8]) {
		t.Errorf("the error quotes the hash: %v", err)
	}
	if h.Stats().Hashes != before {
		t.Errorf("Verify(%q) computed a hash", phc)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
