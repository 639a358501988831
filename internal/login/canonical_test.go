package login

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// A spelling is another way to write a name.
type spelling struct {
	name  string
	write func(string) string
	// differs are the characters whose other spelling is another name.
	differs string
}

// spellings are the ways to write a name that must not make another name.
var spellings = []spelling{
	{name: "NFC", write: norm.NFC.String},
	{name: "NFD", write: norm.NFD.String},
	{name: "NFKC", write: norm.NFKC.String},
	{name: "NFKD", write: norm.NFKD.String},
	{name: "spaces around it", write: func(name string) string { return " " + name + "\u3000\t" }},
	// The full case mappings. The upper case of the dotless i is I, as that of
	// i, but Unicode does not fold it to i: it is another letter.
	{name: "upper case", write: cases.Upper(language.Und).String, differs: "\u0131"},
	{name: "lower case", write: cases.Lower(language.Und).String},
	{name: "title case", write: cases.Title(language.Und, cases.NoLower).String, differs: "\u0131"},
	// The simple case mappings. The simple lower case of I with a dot is i,
	// the full one is i with a dot.
	{name: "simple upper case", write: strings.ToUpper, differs: "\u0131"},
	{name: "simple lower case", write: strings.ToLower, differs: "\u0130"},
	{name: "simple title case", write: strings.ToTitle, differs: "\u0131"},
	{name: "next in case", write: func(name string) string { return strings.Map(unicode.SimpleFold, name) }},
}

// checkCanonical checks the canonical form of a name, if it has one.
func checkCanonical(t *testing.T, name string) {
	t.Helper()
	form, err := CanonicalUsername(name)
	if err != nil {
		return
	}
	if len(form) > maxUsername || !utf8.ValidString(form) {
		t.Errorf("%+q: the form is %+q", name, form)
	}
	names, err := StoredUsernames(name)
	if err != nil || !slices.Contains(names, form) {
		t.Errorf("%+q: stored as %+q, %v, not as %+q", name, names, err, form)
	}
	if again, err := CanonicalUsername(form); again != form || err != nil {
		t.Errorf("%+q: the form %+q has the form %+q, %v", name, form, again, err)
	}
	for _, s := range spellings {
		written := s.write(name)
		if written == name || strings.ContainsAny(name, s.differs) {
			continue
		}
		if other, err := CanonicalUsername(written); other != form || err != nil {
			t.Errorf("%+q: the form is %+q, in %s %+q, %v", name, form, s.name, other, err)
		}
	}
}

// Rule 53: the canonical form of a name with any character of Unicode is
// stable, and it is the same in upper and in lower case and in all
// normalization forms.
func TestRule53_EveryCharacterHasOneForm(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		if unicode.IsGraphic(r) || !testing.Short() {
			checkCanonical(t, "a"+string(r)+"b")
		}
	}
}

// Rule 53: the same holds for each cased letter with each accent that Unicode
// combines with letters.
func TestRule53_EveryAccentedLetterHasOneForm(t *testing.T) {
	cased, accents := casedAndAccents()
	if len(cased) < 2500 || len(accents) < 40 {
		t.Fatalf("%d cased letters and %d accents", len(cased), len(accents))
	}
	for i, r := range cased {
		if testing.Short() && i%8 != 0 {
			continue
		}
		for _, accent := range accents {
			checkSequence(t, string(r)+string(accent))
		}
	}
}

// Rule 53: the same holds for names of several such characters.
func TestRule53_RandomNamesHaveOneForm(t *testing.T) {
	cased, accents := casedAndAccents()
	alphabet := slices.Concat(cased, accents, accents, accents, []rune(
		"aI\u0131\u0130\u017f\u212a\u03a3\u03c2\ufb03\u0149\u0390\uff76\uff9e\uac00\u1100\u1161"+
			"\u11a8 \u00a0\u13a0\uab70"))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 53))
	for range 20_000 {
		name := make([]rune, 1+random.IntN(8))
		for i := range name {
			name[i] = alphabet[random.IntN(len(alphabet))]
		}
		checkSequence(t, string(name))
	}
}

// checkSequence is checkCanonical for a name in which a mark may follow a
// character. The case mappings are defined for decomposed text: in other text
// they can separate a mark from its letter.
func checkSequence(t *testing.T, name string) {
	t.Helper()
	decomposed := norm.NFKD.String(name)
	form, err := CanonicalUsername(name)
	if want, wantErr := CanonicalUsername(decomposed); form != want || (err == nil) != (wantErr == nil) {
		t.Errorf("%+q: the form is %+q, %v; decomposed %+q, %v", name, form, err, want, wantErr)
	}
	checkCanonical(t, decomposed)
}

// casedAndAccents returns the characters that a change of case changes, and the
// marks that are part of the decomposition of any character or that a change
// of case changes.
func casedAndAccents() (cased, accents []rune) {
	marks := make(map[rune]bool)
	for r := range unicode.MaxRune + 1 {
		if !unicode.IsGraphic(r) {
			continue
		}
		if unicode.SimpleFold(r) != r || cases.Upper(language.Und).String(string(r)) != string(r) {
			if cased = append(cased, r); unicode.IsMark(r) {
				marks[r] = true
			}
		}
		for _, part := range norm.NFD.String(string(r)) {
			if part != r && unicode.IsMark(part) {
				marks[part] = true
			}
		}
	}
	return cased, slices.Sorted(maps.Keys(marks))
}

// Earlier versions stored a name with the other case of each Cherokee letter,
// and that form is tried first.
func TestStoredUsernames(t *testing.T) {
	for name, want := range map[string][]string{
		" Ada":              {"ada"},
		"\u13a0\u13a1":      {"\uab70\uab71", "\u13a0\u13a1"},
		"\uab70\uab71":      {"\u13a0\u13a1", "\uab70\uab71"},
		"Stra\u00dfe\u13f8": {"strasse\u13f0", "strasse\u13f8"},
		"\u1fcc\u0342":      {"\u03b7\u1fd6", "\u1fc6\u03b9"},
		" \u13a0X\uab71 ":   {"\uab70x\u13a1", "\u13a0x\u13a1", "\uab70x\uab71", "\u13a0x\uab71"},
	} {
		if got, err := StoredUsernames(name); !slices.Equal(got, want) || err != nil {
			t.Errorf("%+q: %+q, %v, want %+q", name, got, err, want)
		}
	}
	for r := range unicode.MaxRune + 1 {
		if !unicode.Is(unicode.Cherokee, r) {
			continue
		}
		// The package cases gives a Cherokee letter the other case.
		if got, err := StoredUsernames(string(r)); got[0] != string(unicode.SimpleFold(r)) || err != nil {
			t.Errorf("%+q was stored as %+q, %v", r, got, err)
		}
	}
}
