package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// newKEK makes a KEK in a new file, or takes the newest of kek.file, and makes it the one that seals. While there is no
// kek.file there is nothing to seal either, so the new file is all.
func (p *program) newKEK(ctx context.Context, path string) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	own := cfg.KEK.File
	switch {
	case isFile(path) && !sameFile(path, own):
		return fmt.Errorf("%s is there already: name a new file, or kek.file itself (%s) to seal with its newest KEK", path, own)
	case !isFile(own):
		if filepath.Dir(path) == filepath.Clean(cfg.DataDir) {
			if err := makePrivateDir(cfg.DataDir); err != nil {
				return err
			}
		}
		keks, err := seal.Create(path)
		if err != nil {
			return err
		}
		return p.didKEK(keks.Newest(), path, "made; give it to all servers as kek.file, and keep a copy apart from the backups of the store")
	}
	h, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	id, err := h.nextKEK(ctx, path)
	if err != nil {
		return err
	}
	if err := h.openKeys(ctx, true); err != nil {
		return err
	}
	if err := h.keys.Operator().AddKEK(ctx, keys.Actor(h.operator()), id); err != nil {
		return err
	}
	return p.didKEK(id, own, "seals from now on; `signet keys --reseal` moves all keys to it")
}

// nextKEK returns the KEK that shall seal, which is in kek.file then: a fresh one, in the new file too; or, if kek.file itself
// is named, its newest, unless the store knows that one already.
func (h *house) nextKEK(ctx context.Context, path string) (id string, err error) {
	own := h.cfg.KEK.File
	fresh := seal.NewKEK()
	if sameFile(path, own) {
		keks, err := seal.Load(own)
		if err != nil {
			return "", err
		}
		ring, err := h.store.Ring(ctx)
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

// writeKEK writes a KEK into a file that must be new.
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

func (p *program) didKEK(id, path, done string) error {
	return p.show(map[string]string{"kek": id, "file": path, "done": done}, func(w io.Writer) {
		fmt.Fprintf(w, "KEK %s in %s: %s\n", id, path, done)
	})
}
