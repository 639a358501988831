package seal

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/signetd/signet/internal/privatefile"
)

// Load reads a KEK file that an operator provides. The rules of
// privatefile.ReadSecret apply to the file.
//
// Each line holds one KEK: the standard base64 of 32 bytes, as `openssl rand
// -base64 32` prints it. The newest KEK is the last. Load ignores empty lines
// and lines that begin with #.
//
// An error names the file and the line. It never contains the text of the line.
func Load(path string) (*KEKs, error) {
	text, err := privatefile.ReadSecret(path)
	if err != nil {
		return nil, fmt.Errorf("read KEK file: %w", err)
	}
	return parse(path, text)
}

// LoadOwn reads a KEK file that Signet created. The rules of privatefile.Read
// apply to the file.
func LoadOwn(path string) (*KEKs, error) {
	text, err := privatefile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read KEK file: %w", err)
	}
	return parse(path, text)
}

// Create creates a KEK file with one new KEK and mode 0600, and loads it. It
// never overwrites a file. If the file exists, Create loads it. The file may
// exist because another process started at the same time.
func Create(path string) (*KEKs, error) {
	text := fmt.Sprintf("# Key-encryption keys of Signet, one per line, the newest last. Created %s.\n"+
		"# Keep a copy in another place: without the keys, nobody can read the sealed data in the store.\n%s",
		time.Now().UTC().Format(time.DateOnly), NewKEK().line())
	if err := privatefile.Create(path, []byte(text)); err != nil && !os.IsExist(err) {
		return nil, fmt.Errorf("create KEK file: %w", err)
	}
	return LoadOwn(path)
}

// Append adds a KEK to the end of a KEK file that Signet created, and returns
// all KEKs of the file. It does not change the comments.
//
// Append replaces the file atomically, so a concurrent reader sees the old or
// the new file. Concurrent calls run one after the other.
func Append(path string, kek KEK) (*KEKs, error) {
	unlock, err := privatefile.LockDir(path)
	if err != nil {
		return nil, fmt.Errorf("lock directory of KEK file: %w", err)
	}
	defer unlock()

	text, err := privatefile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read KEK file: %w", err)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	text = append(text, kek.line()...)

	keks, err := parse(path, text)
	if err != nil {
		return nil, err
	}
	if err := privatefile.Write(path, text); err != nil {
		return nil, fmt.Errorf("write KEK file: %w", err)
	}
	return keks, nil
}

func parse(path string, text []byte) (*KEKs, error) {
	keks, lines := new(KEKs), make(map[string]int)
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != 32 {
			return nil, fmt.Errorf("KEK file %s, line %d: not the base64 of 32 bytes, "+
				"as `openssl rand -base64 32` prints it", path, i+1)
		}
		kek := newKEK([32]byte(raw))
		if first, ok := lines[kek.ID]; ok {
			return nil, fmt.Errorf("KEK file %s, line %d: the same KEK as in line %d", path, i+1, first)
		}
		lines[kek.ID] = i + 1
		keks.keks = append(keks.keks, kek)
	}

	if len(keks.keks) == 0 {
		return nil, fmt.Errorf("KEK file %s contains no KEK: create one with `openssl rand -base64 32`", path)
	}
	return keks, nil
}
