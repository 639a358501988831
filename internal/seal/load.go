package seal

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"time"
)

// Load reads a KEK file that an operator provides: one KEK per line, the newest last, each the standard base64 of 32 bytes
// as `openssl rand -base64 32` prints it; empty lines and lines that begin with # are comments. The file may be reached
// through symbolic links, as Kubernetes mounts secrets, and may be readable by a group, but neither readable nor writable
// by everyone. An error is a sentence with the file and the line, never with what the line holds.
func Load(path string) (*KEKs, error) {
	text, err := ReadGiven(path)
	if err != nil {
		return nil, fmt.Errorf("the KEK file: %w", err)
	}
	return parse(path, text)
}

// LoadOwn reads a KEK file that Signet made, with the strictness of ReadFile.
func LoadOwn(path string) (*KEKs, error) {
	text, err := ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the KEK file: %w", err)
	}
	return parse(path, text)
}

// Create makes a KEK file with one fresh KEK, mode 0600, and loads it. It never overwrites: where a file stands already,
// perhaps because another process started at the same moment, it loads that one.
func Create(path string) (*KEKs, error) {
	text := fmt.Sprintf("# Key-encryption keys of Signet, one per line, the newest last. Made %s.\n"+
		"# Keep a copy somewhere else: without it nothing that the store holds sealed can be read.\n%s",
		time.Now().UTC().Format(time.DateOnly), NewKEK().line())
	switch err := createFile(path, []byte(text)); {
	case os.IsExist(err):
	case err != nil:
		return nil, fmt.Errorf("make the KEK file: %w", err)
	}
	return LoadOwn(path)
}

// Append writes a KEK behind the others of a KEK file that Signet made, and loads the file. Comments stay. The file is
// replaced in one step, so that whoever reads it meanwhile sees it before or after; two who append wait for each other.
func Append(path string, kek KEK) (*KEKs, error) {
	unlock, err := lockFolder(path)
	if err != nil {
		return nil, fmt.Errorf("lock the folder of the KEK file: %w", err)
	}
	defer unlock()
	text, err := ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the KEK file: %w", err)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	text = append(text, kek.line()...)
	keks, err := parse(path, text)
	if err != nil {
		return nil, err
	}
	if err := WriteFile(path, text); err != nil {
		return nil, fmt.Errorf("write the KEK file: %w", err)
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
			return nil, fmt.Errorf("the KEK file %s, line %d: not the base64 of 32 bytes, as `openssl rand -base64 32` prints it", path, i+1)
		}
		kek := newKEK([32]byte(raw))
		if first, twice := lines[kek.ID]; twice {
			return nil, fmt.Errorf("the KEK file %s, line %d: the same KEK as in line %d", path, i+1, first)
		}
		lines[kek.ID] = i + 1
		keks.keks = append(keks.keks, kek)
	}
	if len(keks.keks) == 0 {
		return nil, fmt.Errorf("the KEK file %s has no KEK in it: write one with `openssl rand -base64 32`", path)
	}
	return keks, nil
}
