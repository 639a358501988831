package password

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestRule57_WeakPasswordsAreRefused(t *testing.T) {
	p := Policy{Service: []string{"login.lumenfjord.example"}}
	for flaw, passwords := range map[Flaw][]string{
		flawEmpty: {""},
		flawLong:  {strings.Repeat("p", MaxLength+1), strings.Repeat("correct horse battery staple ", 1<<15)},
		flawText:  {"\xff\xfe in the midst of a long one"},
		"The password must have at least 15 characters.": {
			"password", "Tr0ub4dor&3", "correct horse ", "fourteen chars", "ﷺ", strings.Repeat("e\u0301", 14), "🔑🐎🔋📎🔑🐎🔋📎🔑🐎🔋📎🔑🐎",
		},
		flawCommon: {
			"passwordpassword", "PasswordPassword", "password password", "p4$$w0rdp4$$w0rd", "Password123456789", "password-password-password",
			"aaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAAAAAA", "123456789012345", "abcdefghijklmno", "zyxwvutsrqponml", "qwertyuiopasdfg",
			"qwertyuiopasdfghjklzxcvbnm", "1234567890!@#$%^&*()", "abcabcabcabcabcabc", "ababababababababab", "111111111111112",
			"iloveyou iloveyou", "LetMeInLetMeIn2024", "dragonmonkeyshadow", "Summer Winter 2025", "administrator1234", "               ",
			"ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ", "passwordpasswordpas", "🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑",
		},
		flawContext: {
			"kasimir.wolkenstein", "Wolkenstein1815", "wolkenstein kasimir", "K4simir W0lkenstein 1990", "lumenfjord.example", "Lumenfjord 2026!",
			"login.lumenfjord.example", "signet signet 2026", "S1gn3tK4s1m1r!!", "kasimir-lumenfjord-signet",
		},
	} {
		for _, password := range passwords {
			if err := p.Check(password, "kasimir.wolkenstein@mail.example"); err != flaw {
				t.Errorf("%.40q: %v, want %q", password, err, flaw)
			}
		}
	}
	// The eight characters that a second factor allows for are no less guessable for it.
	p.MinLength = 8
	for _, password := range []string{"password", "12345678", "P@ssw0rd", "qwertyui", "iloveyou", "sunshine", "football1", "trustno1", "1q2w3e4r", "Admin2024"} {
		if err := p.Check(password, "ada"); err != flawCommon {
			t.Errorf("%q: %v", password, err)
		}
	}
	if err := p.Check("seven77", "ada"); err != Flaw("The password must have at least 8 characters.") {
		t.Error(err)
	}
}

// No composition rules: what is long and not to be guessed is good, whatever it is made of.
func TestRule57_LongPasswordsOfAnyKindAreTaken(t *testing.T) {
	for _, p := range []Policy{{}, {MinLength: 8}, {MinLength: 15, Service: []string{"login.example.com", "https://login.example.com/"}}} {
		for _, password := range []string{
			"correct horse battery staple", "a long and secret phrase", "six purple umbrellas sing", "WDKXGMZPQJVCRTNB", "839204756192837465",
			"my password is not a password", "ada went to the sea with a lamp", "hunter of the lost pelican", "~#{)^&*(%£'?/;:<>",
			"🔑🐎🔋📎🎩🐙🦄🌵🍄🛶🎻🧊🪁🧦🗿", "это очень длинная фраза", "长城长江黄河泰山华山恒山衡山嵩山", "nul\x00 in the midst of it", "  white space around me counts  ",
			strings.Repeat("a phrase of 256 ", 15) + "different bytes.", "K7M2QX4TB9WZ3RJH5VNC8PYDLG",
		} {
			if err := p.Check(password, "ada"); err != nil {
				t.Errorf("%+v: %q: %v", p, password, err)
			}
		}
	}
}

func TestRule57_TheListIsThere(t *testing.T) {
	if len(common().words) < 2500 {
		t.Fatalf("the list has %d words", len(common().words))
	}
	for word := range common().words {
		if pieces(word, nil) > 1 {
			t.Errorf("%q is not taken for a common password", word)
		}
	}
	for line := range strings.Lines(commonText) {
		if !strings.HasPrefix(line, "#") && line != strings.ToLower(line) {
			t.Errorf("not in lower case: %q", line)
		}
	}
}

func TestTheLongestPasswordIsCheckedQuickly(t *testing.T) {
	for name, password := range map[string]string{
		"one character": strings.Repeat("a", MaxLength), "expands eighteenfold": strings.Repeat("ﷺ", MaxLength/3),
		"words": strings.Repeat("passwordx", MaxLength/9), "runs": strings.Repeat("abcdefghijklmnopqrstuvwxyza", MaxLength/27),
	} {
		began := time.Now()
		_ = Policy{Service: []string{strings.Repeat("a", 200)}}.Check(password, strings.Repeat("a", 100))
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func TestPeriod(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 1, "aa": 1, "ab": 2, "abab": 2, "ababa": 2, "aba": 3, "abcab": 5, "abcabca": 3, "aaab": 4} {
		if got := period([]rune(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// TestRule55_LongPasswordsAreJudgedCheaply: a new password is judged before anything is counted, so that must not be work.
func TestRule55_LongPasswordsAreJudgedCheaply(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	long := make([]byte, MaxLength)
	for i := range long {
		long[i] = byte('a' + random.IntN(26))
	}
	allocations := testing.AllocsPerRun(1, func() {
		if err := (Policy{}).Check(string(long), strings.Repeat("q", maxWord)); err != nil {
			t.Error(err)
		}
	})
	if allocations > MaxLength { // looking up each part of it took thirty times as many
		t.Errorf("%v allocations for %d characters", allocations, len(long))
	}
}
