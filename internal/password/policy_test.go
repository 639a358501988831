package password

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Rule 57: passwords that are short, common or made of context words are
// rejected.
func TestRule57_WeakPasswordsAreRejected(t *testing.T) {
	p := Policy{ServiceNames: []string{"login.lumenfjord.example"}}
	for want, passwords := range map[InputError][]string{
		errEmpty:    {""},
		errLong:     {strings.Repeat("p", MaxLength+1), strings.Repeat("correct horse battery staple ", 1<<15)},
		errEncoding: {"\xff\xfe in the middle of a long one"},
		"The password must have at least 15 characters.": {
			"password", "Tr0ub4dor&3", "correct horse ", "fourteen chars", "ﷺ", strings.Repeat("e\u0301", 14),
			"🔑🐎🔋📎🔑🐎🔋📎🔑🐎🔋📎🔑🐎",
		},
		errCommon: {
			"passwordpassword", "PasswordPassword", "password password", "p4$$w0rdp4$$w0rd", "Password123456789",
			"password-password-password", "aaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAAAAAA", "123456789012345",
			"abcdefghijklmno", "zyxwvutsrqponml", "qwertyuiopasdfg", "qwertyuiopasdfghjklzxcvbnm",
			"1234567890!@#$%^&*()", "abcabcabcabcabcabc", "ababababababababab", "111111111111112", "iloveyou iloveyou",
			"LetMeInLetMeIn2024", "dragonmonkeyshadow", "Summer Winter 2025", "administrator1234", "               ",
			"ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ", "passwordpasswordpas", "🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑",
		},
		errContextual: {
			"kasimir.wolkenstein", "Wolkenstein1815", "wolkenstein kasimir", "K4simir W0lkenstein 1990",
			"lumenfjord.example", "Lumenfjord 2026!", "login.lumenfjord.example", "signet signet 2026",
			"S1gn3tK4s1m1r!!", "kasimir-lumenfjord-signet",
		},
	} {
		for _, password := range passwords {
			if err := p.Check(password, "kasimir.wolkenstein@mail.example"); err != want {
				t.Errorf("Check(%.40q) = %v, want %q", password, err, want)
			}
		}
	}

	// Common passwords are also rejected with a lower minimum length, as for
	// accounts with a second factor.
	p.MinLength = 8
	for _, password := range []string{
		"password", "12345678", "P@ssw0rd", "qwertyui", "iloveyou", "sunshine", "football1", "trustno1", "1q2w3e4r",
		"Admin2024",
	} {
		if err := p.Check(password, "ada"); err != errCommon {
			t.Errorf("Check(%q) = %v, want %q", password, err, errCommon)
		}
	}
	if err := p.Check("seven77", "ada"); err != InputError("The password must have at least 8 characters.") {
		t.Error(err)
	}
}

// Rule 57: a user name is recognized in a password in every spelling that is
// the same name: in upper or lower case, with a final sigma, an eszett, or
// Cherokee letters.
func TestRule57_NamesAreRecognizedInEverySpelling(t *testing.T) {
	for _, spellings := range [][]string{
		{"κλεισθένης", "ΚΛΕΙΣΘΈΝΗΣ", "Κλεισθένησ"},
		{"vogelstrauß", "VOGELSTRAUSS", "VogelStrauẞ"},
		{"ᏣᎳᎩᎦᏬᏂᎯᏍᏗ", "ꮳꮃꭹꭶꮼꮒꭿꮝꮧ", "Ꮳꮃꭹꭶꮼꮒꭿꮝꮧ"},
	} {
		for _, name := range spellings {
			for _, spelling := range spellings {
				if err := (Policy{}).Check(spelling+" "+spelling+" 1990", name); err != errContextual {
					t.Errorf("Check(%q) for %q = %v, want %q", spelling, name, err, errContextual)
				}
			}
		}
	}
}

// Rule 57: there are no composition rules. A long and unpredictable password is
// accepted, whatever characters it has.
func TestRule57_LongPasswordsOfAnyKindAreAccepted(t *testing.T) {
	names := []string{"login.example.com", "https://login.example.com/"}
	for _, p := range []Policy{{}, {MinLength: 8}, {MinLength: 15, ServiceNames: names}} {
		for _, password := range []string{
			"correct horse battery staple", "a long and secret phrase", "six purple umbrellas sing", "WDKXGMZPQJVCRTNB",
			"839204756192837465", "my password is not a password", "ada went to the sea with a lamp",
			"hunter of the lost pelican", "~#{)^&*(%£'?/;:<>", "🔑🐎🔋📎🎩🐙🦄🌵🍄🛶🎻🧊🪁🧦🗿", "это очень длинная фраза",
			"长城长江黄河泰山华山恒山衡山嵩山", "nul\x00 in the middle of it", "  white space around me counts  ",
			strings.Repeat("a phrase of 256 ", 15) + "different bytes.", "K7M2QX4TB9WZ3RJH5VNC8PYDLG",
		} {
			if err := p.Check(password, "ada"); err != nil {
				t.Errorf("%+v.Check(%q) = %v, want nil", p, password, err)
			}
		}
	}
}

func TestCheck_LongestPasswordTakesUnderASecond(t *testing.T) {
	for name, password := range map[string]string{
		"one character": strings.Repeat("a", MaxLength), "NFKC is 18 times longer": strings.Repeat("ﷺ", MaxLength/3),
		"words": strings.Repeat("passwordx", MaxLength/9),
		"runs":  strings.Repeat("abcdefghijklmnopqrstuvwxyza", MaxLength/27),
	} {
		start := time.Now()
		_ = Policy{ServiceNames: []string{strings.Repeat("a", 200)}}.Check(password, strings.Repeat("a", 100))
		if elapsed := time.Since(start); elapsed > time.Second {
			t.Errorf("%s: Check took %v", name, elapsed)
		}
	}
}

// Rule 55: the check of a long new password is inexpensive, because it runs
// before any attempt limit.
func TestRule55_LongPasswordsNeedFewAllocations(t *testing.T) {
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
	// A look-up of every substring took thirty times as many.
	if allocations > MaxLength {
		t.Errorf("%v allocations for %d characters", allocations, len(long))
	}
}
