package password

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

// cheap keeps the tests quick; it is argon2id all the same.
var cheap = Params{Memory: 64, Iterations: 2, Parallelism: 1}

func hasher(t *testing.T, p Params) *Hasher {
	t.Helper()
	h, err := newHasher(p, 64<<20, 2)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hash(t *testing.T, h *Hasher, password string) string {
	t.Helper()
	phc, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

// verify fails the test if the answer is not ok, or if it did not take exactly one hash.
func verify(t *testing.T, h *Hasher, phc, password string, ok, rehash bool) {
	t.Helper()
	before := h.Hashes()
	gotOK, gotRehash, err := h.Verify(t.Context(), phc, password)
	if err != nil || gotOK != ok || gotRehash != rehash {
		t.Errorf("Verify(%q, %q) = %v, %v, %v; want %v, %v", phc, password, gotOK, gotRehash, err, ok, rehash)
	}
	if n := h.Hashes() - before; n != 1 {
		t.Errorf("Verify(%q, %q) computed %d hashes", phc, password, n)
	}
}

func TestFloorHashIsWrittenAsPHC(t *testing.T) {
	h, err := New(Floor, 0)
	if err != nil {
		t.Fatal(err)
	}
	phc := hash(t, h, "correct horse")
	if !regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`).MatchString(phc) {
		t.Errorf("%s", phc)
	}
	if hash(t, h, "correct horse") == phc {
		t.Error("two hashes have the same salt")
	}
	verify(t, h, phc, "correct horse", true, false)
	verify(t, h, phc, "correct hors", false, false)
}

// The vectors are those of the argon2 reference implementation (src/test.c).
func TestReferenceVectors(t *testing.T) {
	h := hasher(t, cheap)
	for _, c := range []struct {
		phc, password string
		ok            bool
	}{
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "passwore", false},
	} {
		// Their salt of 8 bytes is shorter than ours: whoever proves to know the password gets a new hash.
		verify(t, h, c.phc, c.password, c.ok, c.ok)
	}
}

func TestNobodyCostsOneHashAndIsNeverRight(t *testing.T) {
	h := hasher(t, cheap)
	for _, password := range []string{"", "guess", string(h.nobody.key)} {
		verify(t, h, "", password, false, false)
	}
	if h.nobody.params != h.params || len(h.nobody.key) != keySize || len(h.nobody.salt) != saltSize {
		t.Errorf("nobody's hash costs %v, others %v", h.nobody.params, h.params)
	}
	// Not even the password that hits nobody's key is right.
	key, err := h.derive(t.Context(), h.nobody, keySize, "lucky")
	if err != nil {
		t.Fatal(err)
	}
	h.nobody.key = key
	verify(t, h, "", "lucky", false, false)
}

func TestRule56_UnicodeSpellingsAreOnePassword(t *testing.T) {
	h := hasher(t, cheap)
	phc := hash(t, h, "Åﬁ９é\u00a0ß")
	for spelling, same := range map[string]bool{
		"Åﬁ９é\u00a0ß":         true,
		"A\u030afi9e\u0301 ß": true,  // NFD, full width, ligature, no-break space
		"åfi9é ß":             false, // case is not folded
		"Åfi9é SS":            false,
		"Åfi9é ß ":            false, // nothing is trimmed
		" Åfi9é ß":            false,
		"Åfi9éß":              false,
	} {
		verify(t, h, phc, spelling, same, false)
	}
	// What is hashed is the composed form, as other programs that make or read such hashes have it.
	composed := stored{params: cheap, salt: random(saltSize)}
	composed.key = argon2.IDKey([]byte("\u00c5fi9\u00e9 \u00df"), composed.salt, cheap.Iterations, cheap.Memory, cheap.Parallelism, keySize)
	verify(t, h, composed.String(), "A\u030afi9e\u0301 ß", true, false)
	for _, whole := range []string{"a\x00b", "🔑🐎", strings.Repeat("x", 256)} {
		phc := hash(t, h, whole)
		verify(t, h, phc, whole, true, false)
		verify(t, h, phc, whole[:len(whole)-1], false, false)
	}
}

func TestRule55_EveryByteMatters(t *testing.T) {
	h := hasher(t, cheap)
	for _, length := range []int{64, 73, 256, MaxLength} {
		long := strings.Repeat("p", length)
		phc := hash(t, h, long)
		verify(t, h, phc, long, true, false)
		for _, wrong := range []string{long[:length-1], long[:length-1] + "q", "q" + long[1:], long[:62] + "q" + long[63:]} {
			verify(t, h, phc, wrong, false, false)
		}
		if length > 72 {
			verify(t, h, phc, long[:72]+"q"+long[73:], false, false)
			verify(t, h, phc, long[:72], false, false)
		}
		if length < MaxLength {
			verify(t, h, phc, long+"p", false, false)
		}
	}
}

func TestRule55_TooLongIsRefusedBeforeHashing(t *testing.T) {
	h := hasher(t, cheap)
	phc := hash(t, h, "x")
	before := h.Hashes()
	for _, password := range []string{strings.Repeat("p", MaxLength+1), strings.Repeat("p", 1<<20), strings.Repeat("é", MaxLength/2+1)} {
		if _, err := h.Hash(t.Context(), password); !errors.Is(err, ErrTooLong) {
			t.Errorf("Hash of %d bytes: %v", len(password), err)
		}
		for _, stored := range []string{"", phc} {
			if ok, _, err := h.Verify(t.Context(), stored, password); ok || !errors.Is(err, ErrTooLong) {
				t.Errorf("Verify of %d bytes: %v, %v", len(password), ok, err)
			}
		}
	}
	if n := h.Hashes() - before; n != 0 {
		t.Errorf("%d hashes were computed", n)
	}
}

func TestRule59_RehashWhenParametersRise(t *testing.T) {
	now := Params{Memory: 128, Iterations: 3, Parallelism: 2}
	h := hasher(t, now)
	for _, c := range []struct {
		params Params
		rehash bool
	}{
		{now, false},
		{Params{Memory: 127, Iterations: 3, Parallelism: 2}, true},
		{Params{Memory: 128, Iterations: 2, Parallelism: 2}, true},
		{Params{Memory: 128, Iterations: 3, Parallelism: 1}, true},
		{Params{Memory: 256, Iterations: 2, Parallelism: 2}, true},
		{Params{Memory: 256, Iterations: 4, Parallelism: 4}, false},
	} {
		phc := hash(t, hasher(t, c.params), "x")
		verify(t, h, phc, "x", true, c.rehash)
		verify(t, h, phc, "y", false, false)
	}
	for _, s := range []stored{
		{params: now, salt: random(saltSize - 1), key: random(keySize)},
		{params: now, salt: random(saltSize), key: random(keySize - 1)},
	} {
		s.key, _ = h.derive(t.Context(), s, len(s.key), "x")
		verify(t, h, s.String(), "x", true, true)
	}
}

func TestParametersAreLimited(t *testing.T) {
	for _, p := range []Params{
		{},
		{Memory: Floor.Memory - 1, Iterations: 2, Parallelism: 1},
		{Memory: Floor.Memory, Iterations: 1, Parallelism: 1},
		{Memory: Floor.Memory, Iterations: 2},
		{Memory: maxMemory + 1, Iterations: 2, Parallelism: 1},
		{Memory: Floor.Memory, Iterations: maxIterations + 1, Parallelism: 1},
		{Memory: Floor.Memory, Iterations: 2, Parallelism: maxParallelism + 1},
	} {
		if _, err := New(p, maxMemory<<10); err == nil {
			t.Errorf("New accepts %v", p)
		}
	}
	if _, err := New(Params{Memory: maxMemory, Iterations: maxIterations, Parallelism: maxParallelism}, maxMemory<<10); err != nil {
		t.Error(err)
	}
	for _, bytes := range []int64{-1, 1, int64(Floor.Memory)<<10 - 1} {
		if _, err := New(Floor, bytes); err == nil {
			t.Errorf("New accepts a budget of %d bytes", bytes)
		}
	}
}
