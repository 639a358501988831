package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/seal"
)

// ownKEKFile reports whether Signet creates the KEK file itself. It does so
// with SQLite and with --dev, if kek.file is the default path.
func ownKEKFile(c config.Config, dev bool) bool {
	_, file := c.Store.SQLite()
	return (file || dev) && filepath.Clean(c.KEK.File) == filepath.Join(c.DataDir, "kek")
}

// readKEKs reads the KEK file. It creates a missing file if the file is
// Signet's own and the store holds nothing that a lost KEK sealed.
func (a *App) readKEKs(ctx context.Context) (*seal.KEKs, error) {
	path := a.Config.KEK.File
	if !ownKEKFile(a.Config, a.dev) {
		keks, err := seal.Load(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no KEK file %s: create it with `signet keys --new-kek %s` "+
				"and copy it to all servers", path, path)
		}
		return keks, err
	}

	keks, err := seal.LoadOwn(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keks, err
	}
	ring, err := a.Store.Ring(ctx)
	if err != nil {
		return nil, err
	}
	if len(ring.KEKs) > 0 {
		return nil, fmt.Errorf("the KEK file %s is missing, and the store has keys that only this file opens: "+
			"restore the file", path)
	}
	return seal.Create(path)
}
