package seal

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/signetd/signet/internal/privatefile"
)

func TestParse(t *testing.T) {
	one, two := NewKEK(), NewKEK()
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	tests := map[string]struct {
		text   string
		newest string // the expected id, or
		err    string // a part of the expected error
	}{
		"one":              {one.line(), one.ID, ""},
		"no newline":       {strings.TrimSpace(one.line()), one.ID, ""},
		"newest last":      {"# old\n" + one.line() + "\n  # new\n" + two.line() + "\n", two.ID, ""},
		"CRLF":             {strings.ReplaceAll(one.line(), "\n", "\r\n"), one.ID, ""},
		"empty":            {"", "", "KEK file /k contains no KEK"},
		"comments only":    {"# nothing\n\n", "", "KEK file /k contains no KEK"},
		"duplicate":        {one.line() + "#\n" + one.line(), "", "KEK file /k, line 3: the same KEK as in line 1"},
		"short":            {one.line() + short, "", "line 2: not the base64 of 32 bytes"},
		"long":             {base64.StdEncoding.EncodeToString(make([]byte, 33)), "", "line 1: not the base64"},
		"two in one line":  {strings.TrimSpace(one.line()) + " " + two.line(), "", "line 1: not the base64"},
		"hexadecimal":      {strings.Repeat("0f", 32), "", "line 1: not the base64"},
		"URL alphabet":     {strings.Repeat("-_", 21) + "8=", "", "line 1: not the base64"},
		"unpadded":         {strings.TrimRight(one.line(), "=\n"), "", "line 1: not the base64"},
		"spare bits":       {strings.Repeat("A", 42) + "B=", "", "line 1: not the base64"},
		"trailing comment": {strings.TrimSpace(one.line()) + " # mine", "", "line 1: not the base64"},
		"SSH key":          {"-----BEGIN", "", "line 1: not the base64"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			keks, err := parse("/k", []byte(test.text))
			if test.err == "" {
				if err != nil || keks.Newest() != test.newest {
					t.Fatalf("got %v, error %v, want the newest KEK %s", keks, err, test.newest)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got error %v, want an error with %q", err, test.err)
			}
			for _, secret := range []string{strings.TrimSpace(one.line()), strings.TrimSpace(two.line())} {
				if strings.Contains(err.Error(), secret[:8]) {
					t.Errorf("the error contains a KEK: %v", err)
				}
			}
		})
	}
}

// When several servers start for the first time concurrently, one of them
// creates the KEK, and all load the same KEK.
func TestCreate_Concurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek")
	var ids [16]string
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			keks, err := Create(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = keks.Newest()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("the calls returned different KEKs: %v", ids)
		}
	}
}

func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek")
	first := NewKEK()
	if err := privatefile.Write(path, []byte("# mine\n"+strings.TrimSpace(first.line()))); err != nil {
		t.Fatal(err)
	}
	second := NewKEK()
	keks, err := Append(path, second)
	if err != nil || keks.Newest() != second.ID || !keks.Has(first.ID) {
		t.Fatalf("Append = %v, %v", keks, err)
	}
	text, err := privatefile.Read(path)
	if want := "# mine\n" + first.line() + second.line(); err != nil || string(text) != want {
		t.Errorf("error %v; want the comment and both KEKs in the file, one per line", err)
	}
	_, err = Append(path, first)
	if err == nil || !strings.Contains(err.Error(), "line 4: the same KEK as in line 2") {
		t.Errorf("append the same KEK twice: got error %v", err)
	}

	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := Append(path, NewKEK()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if keks, err := LoadOwn(path); err != nil || len(keks.keks) != 18 {
		t.Errorf("got %v, error %v, want 18 KEKs", keks, err)
	}
}
