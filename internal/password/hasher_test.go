package password

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

func TestHash_ReturnsPHCString(t *testing.T) {
	h, err := New(Options{Params: MinParams()})
	must(t, err)
	phc := mustHash(t, h, "correct horse")
	form := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	if !form.MatchString(phc) {
		t.Errorf("Hash = %s", phc)
	}
	if mustHash(t, h, "correct horse") == phc {
		t.Error("two hashes have the same salt")
	}
	wantVerify(t, h, phc, "correct horse", true, false)
	wantVerify(t, h, phc, "correct hors", false, false)
}

// The vectors are from the argon2 reference implementation (src/test.c).
func TestVerify_ReferenceVectors(t *testing.T) {
	h := hasher(t, testParams)
	for _, c := range []struct {
		phc, password string
		ok            bool
	}{
		{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password", true},
		{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "passwore", false},
	} {
		// Their salt of 8 bytes is shorter than a new one, so a match asks for
		// a rehash.
		wantVerify(t, h, c.phc, c.password, c.ok, c.ok)
	}
}

func TestVerify_UnknownUserCostsOneHashAndNeverMatches(t *testing.T) {
	h := hasher(t, testParams)
	for _, password := range []string{"", "password", string(h.dummy.key)} {
		wantVerify(t, h, "", password, false, false)
	}
	if h.dummy.params != h.params || len(h.dummy.key) != keySize || len(h.dummy.salt) != saltSize {
		t.Errorf("the dummy hash has parameters %v, want %v", h.dummy.params, h.params)
	}
	// Verify rejects even a password that yields the key of the dummy hash.
	key, err := h.derive(t.Context(), h.dummy, keySize, "collision")
	must(t, err)
	h.dummy.key = key
	wantVerify(t, h, "", "collision", false, false)
}

// Rule 56: all Unicode spellings of a password match. Verify does not fold case
// and does not trim.
func TestRule56_UnicodeSpellingsMatch(t *testing.T) {
	h := hasher(t, testParams)
	phc := mustHash(t, h, "Åﬁ９é\u00a0ß")
	for spelling, same := range map[string]bool{
		"Åﬁ９é\u00a0ß":         true,
		"A\u030afi9e\u0301 ß": true,  // NFD, width, ligature, space
		"åfi9é ß":             false, // case matters
		"Åfi9é SS":            false,
		"Åfi9é ß ":            false, // spaces are not trimmed
		" Åfi9é ß":            false,
		"Åfi9éß":              false,
	} {
		wantVerify(t, h, phc, spelling, same, false)
	}
	// The hash is of the composed form, as other programs with such hashes
	// expect.
	p, composed := testParams, argon2Hash{params: testParams, salt: random(saltSize)}
	text := []byte("\u00c5fi9\u00e9 \u00df")
	composed.key = argon2.IDKey(text, composed.salt, p.Iterations, p.Memory, p.Parallelism, keySize)
	wantVerify(t, h, composed.String(), "A\u030afi9e\u0301 ß", true, false)
	for _, whole := range []string{"a\x00b", "🔑🐎", strings.Repeat("x", 256)} {
		phc := mustHash(t, h, whole)
		wantVerify(t, h, phc, whole, true, false)
		wantVerify(t, h, phc, whole[:len(whole)-1], false, false)
	}
}

// Rule 55: every byte of a password of up to MaxLength bytes matters.
func TestRule55_EveryByteMatters(t *testing.T) {
	h := hasher(t, testParams)
	for _, length := range []int{64, 73, 256, MaxLength} {
		long := strings.Repeat("p", length)
		phc := mustHash(t, h, long)
		wantVerify(t, h, phc, long, true, false)
		for _, other := range []string{
			long[:length-1], long[:length-1] + "q", "q" + long[1:], long[:62] + "q" + long[63:],
		} {
			wantVerify(t, h, phc, other, false, false)
		}
		if length > 72 {
			wantVerify(t, h, phc, long[:72]+"q"+long[73:], false, false)
			wantVerify(t, h, phc, long[:72], false, false)
		}
		if length < MaxLength {
			wantVerify(t, h, phc, long+"p", false, false)
		}
	}
}

// Rule 55: a password of more than MaxLength bytes is rejected before hashing.
func TestRule55_TooLongPasswordIsNotHashed(t *testing.T) {
	h := hasher(t, testParams)
	phc := mustHash(t, h, "x")
	before := h.Stats().Hashes
	for _, password := range []string{
		strings.Repeat("p", MaxLength+1), strings.Repeat("p", 1<<20), strings.Repeat("é", MaxLength/2+1),
	} {
		if _, err := h.Hash(t.Context(), password); !errors.Is(err, ErrTooLong) {
			t.Errorf("Hash of %d bytes = %v, want ErrTooLong", len(password), err)
		}
		for _, stored := range []string{"", phc} {
			if ok, _, err := h.Verify(t.Context(), stored, password); ok || !errors.Is(err, ErrTooLong) {
				t.Errorf("Verify of %d bytes = %v, %v; want ErrTooLong", len(password), ok, err)
			}
		}
	}
	if n := h.Stats().Hashes - before; n != 0 {
		t.Errorf("%d hashes were computed, want 0", n)
	}
}

// Rule 59: Verify asks for a rehash if the hash is weaker than a new one.
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
		phc := mustHash(t, hasher(t, c.params), "x")
		wantVerify(t, h, phc, "x", true, c.rehash)
		wantVerify(t, h, phc, "y", false, false)
	}
	for _, s := range []argon2Hash{
		{params: now, salt: random(saltSize - 1), key: random(keySize)},
		{params: now, salt: random(saltSize), key: random(keySize - 1)},
	} {
		s.key, _ = h.derive(t.Context(), s, len(s.key), "x")
		wantVerify(t, h, s.String(), "x", true, true)
	}
}

func TestNew_RejectsParamsAndBudgetOutOfBounds(t *testing.T) {
	for _, p := range []Params{
		{},
		{Memory: least.Memory - 1, Iterations: 2, Parallelism: 1},
		{Memory: least.Memory, Iterations: 1, Parallelism: 1},
		{Memory: least.Memory, Iterations: 2},
		{Memory: maxMemory + 1, Iterations: 2, Parallelism: 1},
		{Memory: least.Memory, Iterations: maxIterations + 1, Parallelism: 1},
		{Memory: least.Memory, Iterations: 2, Parallelism: maxParallelism + 1},
	} {
		if _, err := New(Options{Params: p, MemoryBudget: maxMemory << 10}); err == nil {
			t.Errorf("New accepts %v", p)
		}
	}

	highest := Params{Memory: maxMemory, Iterations: maxIterations, Parallelism: maxParallelism}
	if _, err := New(Options{Params: highest, MemoryBudget: maxMemory << 10}); err != nil {
		t.Error(err)
	}

	for _, bytes := range []int64{-1, 1, int64(least.Memory)<<10 - 1} {
		if _, err := New(Options{Params: least, MemoryBudget: bytes}); err == nil {
			t.Errorf("New accepts a budget of %d bytes", bytes)
		}
	}
}

func TestNew_MinParamsReplaceTheSafeMinimum(t *testing.T) {
	if least != (Params{Memory: 19456, Iterations: 2, Parallelism: 1}) {
		t.Errorf("MinParams() = %v", least)
	}
	if _, err := New(Options{Params: testParams}); err == nil {
		t.Errorf("New accepts %v without MinParams", testParams)
	}
	if _, err := New(Options{Params: testParams, MinParams: testParams}); err != nil {
		t.Error(err)
	}

	// The limits of argon2id and of Verify also apply to MinParams.
	for _, p := range []Params{
		{Memory: 7, Iterations: 1, Parallelism: 1},
		{Memory: 64, Parallelism: 1},
		{Memory: 64, Iterations: maxIterations + 1, Parallelism: 1},
	} {
		if _, err := New(Options{Params: p, MinParams: p}); err == nil {
			t.Errorf("New accepts %v", p)
		}
	}
}
