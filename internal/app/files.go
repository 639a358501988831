package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/signetd/signet/internal/privatefile"
)

// MakePrivateDir creates a directory that only its owner may enter. An existing
// directory stays as it is.
func MakePrivateDir(path string) error { return os.MkdirAll(path, 0o700) }

// WriteJSON writes v as JSON to a file with mode 0600.
func WriteJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return privatefile.Write(path, append(text, '\n'))
}

// ReadJSON reads a file that WriteJSON wrote. If the file does not exist, v
// stays unchanged. It is an error if other users may read or replace the file.
func ReadJSON(path string, v any) error {
	text, err := privatefile.Read(path)
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
