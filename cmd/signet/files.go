package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/signetd/signet/internal/seal"
)

// The files that the program makes in data_dir, beside the store, the KEK and config.DevFile.
const (
	devFactsFile = "dev.json"
	tokenFile    = "token.json"
)

// makePrivateDir makes a directory for its owner alone, if there is none.
func makePrivateDir(path string) error { return os.MkdirAll(path, 0o700) }

// sameFile says whether two paths lead to one file.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// isFile says whether there is something at path.
func isFile(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// shellQuote returns text as one word of a POSIX shell.
func shellQuote(text string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+=,-"
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// writeOwnJSON and readOwnJSON keep a JSON document in a file of our own. Reading one that is not there leaves v as it is.
func writeOwnJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return seal.WriteFile(path, append(text, '\n'))
}

func readOwnJSON(path string, v any) error {
	text, err := seal.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
