package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// newKEK creates a KEK in a new file, or reads the newest KEK of kek.file, and
// makes it the KEK that seals. If kek.file does not exist, there is nothing to
// seal: newKEK only creates the new file.
func newKEK(ctx context.Context, p *program, path string) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	own := cfg.KEK.File
	switch {
	case fileExists(path) && !sameFile(path, own):
		return fmt.Errorf("%s exists: name a new file, or kek.file itself (%s) to seal with its newest KEK", path, own)
	case !fileExists(own):
		if filepath.Dir(path) == filepath.Clean(cfg.DataDir) {
			if err := app.MakePrivateDir(cfg.DataDir); err != nil {
				return err
			}
		}
		keks, err := seal.Create(path)
		if err != nil {
			return err
		}
		return printKEK(p, keks.Newest(), path,
			"created; copy it to all servers as kek.file, and keep a copy apart from the backups of the store")
	}

	a, err := app.OpenForOperator(ctx, cfg, p.err)
	if err != nil {
		return err
	}
	defer a.Close()
	id, err := nextKEK(ctx, a, path)
	if err != nil {
		return err
	}
	if err := a.OpenKeys(ctx); err != nil {
		return err
	}
	if err := a.Keys.Operator().AddKEK(ctx, a.Operator(), id); err != nil {
		return err
	}
	return printKEK(p, id, own, "now seals new keys; `signet keys --reseal` seals the other keys with it")
}

// nextKEK returns the id of the next KEK that seals, and ensures that kek.file
// contains it. If path is kek.file itself, that is the newest KEK of the file,
// unless the store uses it already. Otherwise nextKEK creates a KEK, and writes
// it to path too if path is another file.
func nextKEK(ctx context.Context, a *app.App, path string) (id string, err error) {
	own := a.Config.KEK.File
	fresh := seal.NewKEK()
	if sameFile(path, own) {
		keks, err := seal.Load(own)
		if err != nil {
			return "", err
		}
		ring, err := a.Store.Ring(ctx)
		if err != nil {
			return "", oauth.FromStore(err)
		}
		if !slices.ContainsFunc(ring.KEKs, func(k keys.KEK) bool { return k.ID == keks.Newest() }) {
			return keks.Newest(), nil
		}
	} else if err := writeKEK(path, fresh); err != nil {
		return "", err
	}
	_, err = seal.Append(own, fresh)
	return fresh.ID, err
}

// writeKEK writes a KEK to a new file. It is an error if the file exists.
func writeKEK(path string, kek seal.KEK) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	_, err = seal.Append(path, kek)
	return err
}

// printKEK prints what was done with a KEK.
func printKEK(p *program, id, path, done string) error {
	return p.printResult(map[string]string{"kek": id, "file": path, "done": done}, func(w io.Writer) {
		fmt.Fprintf(w, "KEK %s in %s: %s\n", id, path, done)
	})
}
