package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func set(keks ...KEK) *KEKs { return &KEKs{keks: keks} }

func TestSealAndOpen(t *testing.T) {
	kek := NewKEK()
	keks := set(kek)
	label := Label{Table: "keys", ID: "kid", Algorithm: "ES256"}
	sealed, err := keks.Seal(kek.ID, label, []byte("private half"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := keks.Seal(kek.ID, label, []byte("private half"))
	if err != nil || bytes.Equal(sealed, again) {
		t.Errorf("sealing twice gave the same bytes (error %v)", err)
	}
	if plain, err := keks.Open(kek.ID, label, sealed); err != nil || string(plain) != "private half" {
		t.Fatalf("Open = %q, %v", plain, err)
	}
	for name, other := range map[string]Label{
		"other table":     {Table: "users", ID: "kid", Algorithm: "ES256"},
		"other id":        {Table: "keys", ID: "kie", Algorithm: "ES256"},
		"other algorithm": {Table: "keys", ID: "kid", Algorithm: "RS256"},
		"moved boundary":  {Table: "key", ID: "skid", Algorithm: "ES256"},
	} {
		if _, err := keks.Open(kek.ID, other, sealed); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	for i := range sealed {
		bent := bytes.Clone(sealed)
		bent[i] ^= 1
		if _, err := keks.Open(kek.ID, label, bent); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
	}
	stranger := NewKEK()
	if _, err := set(stranger).Open(kek.ID, label, sealed); err == nil {
		t.Error("opened under a KEK that is not there")
	}
	if _, err := set(stranger).Open(stranger.ID, label, sealed); err == nil {
		t.Error("opened under another KEK")
	}
}

func TestIDAndCheckValue(t *testing.T) {
	raw := [32]byte{1, 2, 3}
	kek := newKEK(raw)
	sum := sha256.Sum256([]byte("signet kek id\x00" + string(raw[:])))
	if want := hex.EncodeToString(sum[:8]); kek.ID != want {
		t.Errorf("ID = %s, want %s", kek.ID, want)
	}
	mac := hmac.New(sha256.New, raw[:])
	mac.Write([]byte("signet kek check\x00" + kek.ID))
	if check, err := set(kek).Check(kek.ID); err != nil || !hmac.Equal(check, mac.Sum(nil)) {
		t.Errorf("Check = %x, %v, want %x", check, err, mac.Sum(nil))
	}
	if _, err := set(kek).Check("0000000000000000"); err == nil {
		t.Error("a check value for a KEK that is not there")
	}
}

func TestParse(t *testing.T) {
	one, two := NewKEK(), NewKEK()
	tests := map[string]struct {
		text   string
		newest string // or
		err    string
	}{
		"one":                  {one.line(), one.ID, ""},
		"no newline":           {strings.TrimSpace(one.line()), one.ID, ""},
		"newest last":          {"# old\n" + one.line() + "\n  # new\n" + two.line() + "\n", two.ID, ""},
		"CRLF":                 {strings.ReplaceAll(one.line(), "\n", "\r\n"), one.ID, ""},
		"empty":                {"", "", "the KEK file /k has no KEK in it"},
		"comments only":        {"# nothing\n\n", "", "the KEK file /k has no KEK in it"},
		"duplicate":            {one.line() + "#\n" + one.line(), "", "the KEK file /k, line 3: the same KEK as in line 1"},
		"short":                {one.line() + base64.StdEncoding.EncodeToString(make([]byte, 31)), "", "line 2: not the base64 of 32 bytes"},
		"long":                 {base64.StdEncoding.EncodeToString(make([]byte, 33)), "", "line 1: not the base64"},
		"two in one line":      {strings.TrimSpace(one.line()) + " " + two.line(), "", "line 1: not the base64"},
		"hexadecimal":          {strings.Repeat("0f", 32), "", "line 1: not the base64"},
		"URL alphabet":         {strings.Repeat("-_", 21) + "8=", "", "line 1: not the base64"},
		"unpadded":             {strings.TrimRight(one.line(), "=\n"), "", "line 1: not the base64"},
		"spare bits":           {strings.Repeat("A", 42) + "B=", "", "line 1: not the base64"},
		"comment behind":       {strings.TrimSpace(one.line()) + " # mine", "", "line 1: not the base64"},
		"the key of SSH agent": {"-----BEGIN", "", "line 1: not the base64"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			keks, err := parse("/k", []byte(test.text))
			if test.err == "" {
				if err != nil || keks.Newest() != test.newest {
					t.Fatalf("newest %v, %v, want %s", keks, err, test.newest)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Fatalf("error %v, want %q in it", err, test.err)
			}
			for _, secret := range []string{strings.TrimSpace(one.line()), strings.TrimSpace(two.line())} {
				if strings.Contains(err.Error(), secret[:8]) {
					t.Errorf("the error tells a KEK: %v", err)
				}
			}
		})
	}
}

// Key files that Signet made: wider modes, other owners, symbolic links and open folders are refused, and what it writes
// is 0600.
func TestRule18_KeyFiles(t *testing.T) {
	fresh := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "kek")
		if _, err := Create(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	refused := func(t *testing.T, path, sentence string) {
		t.Helper()
		if _, err := LoadOwn(path); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("LoadOwn: error %v, want %q in it", err, sentence)
		}
	}
	chmod := func(t *testing.T, path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("made 0600", func(t *testing.T) {
		path := fresh(t)
		if _, err := Append(path, NewKEK()); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
			t.Errorf("temporary files were left: %v", left)
		}
	})
	t.Run("mode", func(t *testing.T) {
		path := fresh(t)
		for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o602, 0o644, 0o700, 0o601} {
			chmod(t, path, mode)
			refused(t, path, fmt.Sprintf("has mode %04o", mode))
		}
		chmod(t, path, 0o400)
		if _, err := LoadOwn(path); err != nil {
			t.Error(err)
		}
	})
	t.Run("owner", func(t *testing.T) {
		if os.Geteuid() != 0 {
			refused(t, "/etc/passwd", "belongs to the user 0") // Only root can give a file away.
			return
		}
		path := fresh(t)
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "belongs to the user 65534")
	})
	t.Run("symbolic link", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "kek")
		if err := os.Symlink(fresh(t), link); err != nil {
			t.Fatal(err)
		}
		refused(t, link, "is a symbolic link")
		if _, err := Create(link); err == nil {
			t.Error("Create followed a symbolic link")
		}
	})
	t.Run("not a file", func(t *testing.T) {
		refused(t, t.TempDir(), "is not a regular file")
	})
	t.Run("open folder", func(t *testing.T) {
		path := fresh(t)
		chmod(t, filepath.Dir(path), 0o777)
		refused(t, path, "lets everyone on the machine replace files")
		if _, err := Create(filepath.Join(filepath.Dir(path), "other")); err == nil {
			t.Error("Create made a KEK file in a folder open to everyone")
		}
		chmod(t, filepath.Dir(path), 0o777|os.ModeSticky)
		if _, err := LoadOwn(path); err != nil {
			t.Error(err)
		}
	})
}

func TestLoadGiven(t *testing.T) {
	kek := NewKEK()
	folder := t.TempDir()
	path := filepath.Join(folder, "kek")
	if err := os.WriteFile(path, []byte(kek.line()), 0o640); err != nil {
		t.Fatal(err)
	}
	// As Kubernetes mounts it: kek -> ..data/kek, ..data -> ..2026.
	mount := filepath.Join(t.TempDir(), "mount")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(mount, "..2026"), 0o755),
		os.WriteFile(filepath.Join(mount, "..2026", "kek"), []byte(kek.line()), 0o440),
		os.Symlink("..2026", filepath.Join(mount, "..data")),
		os.Symlink(filepath.Join("..data", "kek"), filepath.Join(mount, "kek")),
		os.Chmod(mount, 0o777|os.ModeSticky),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, good := range []string{path, filepath.Join(mount, "kek")} {
		if keks, err := Load(good); err != nil || keks.Newest() != kek.ID {
			t.Errorf("Load(%s) = %v, %v", good, keks, err)
		}
	}
	for _, mode := range []os.FileMode{0o644, 0o642, 0o646, 0o604} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s has mode %04o", path, mode)) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("loaded from a folder in which everyone may replace files")
	}
	link := filepath.Join(t.TempDir(), "kek")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(link); err == nil {
		t.Error("loaded through a link into a folder in which everyone may replace files")
	}
	if _, err := Load(filepath.Join(folder, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// Of several first starts at the same moment one makes the KEK, and all load that one.
func TestCreateTogether(t *testing.T) {
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
			t.Fatalf("different KEKs: %v", ids)
		}
	}
}

func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek")
	first := NewKEK()
	if err := WriteFile(path, []byte("# mine\n"+strings.TrimSpace(first.line()))); err != nil {
		t.Fatal(err)
	}
	second := NewKEK()
	keks, err := Append(path, second)
	if err != nil || keks.Newest() != second.ID || !keks.Has(first.ID) {
		t.Fatalf("Append = %v, %v", keks, err)
	}
	text, err := ReadFile(path)
	if want := "# mine\n" + first.line() + second.line(); err != nil || string(text) != want {
		t.Errorf("the file does not hold the comment and both KEKs, each in its line (%v)", err)
	}
	if _, err := Append(path, first); err == nil || !strings.Contains(err.Error(), "line 4: the same KEK as in line 2") {
		t.Errorf("appended twice: %v", err)
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
		t.Errorf("%v, %v: want 18 KEKs, since none may be lost", keks, err)
	}
}

func TestNothingPrintsAKEK(t *testing.T) {
	kek := newKEK([32]byte([]byte("canary-canary-canary-canary-cana")))
	keks := &KEKs{keks: []KEK{kek}}
	type around struct{ inner KEK } // Methods of unexported fields are not called.
	var out bytes.Buffer
	for _, v := range []any{kek, &kek, keks, *keks, around{kek}, &around{kek}, []KEK{kek}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("kek", "kek", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("kek", "kek", v)
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	canary := []byte("canary")
	for _, form := range []string{
		string(canary), hex.EncodeToString(canary), strings.ToUpper(hex.EncodeToString(canary)),
		strings.Trim(fmt.Sprint(canary), "[]"), base64.StdEncoding.EncodeToString(canary), "0x63, 0x61, 0x6e",
	} {
		if strings.Contains(out.String(), form) {
			t.Errorf("a KEK was printed as %q", form)
		}
	}
}
