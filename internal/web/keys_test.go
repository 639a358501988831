package web

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

// openKeys returns the keys of a real store, made once since RSA keys take their time. Nobody polls them.
func openKeys(t *testing.T) *keys.Manager {
	t.Helper()
	manager, err := theKeys()
	if err != nil {
		t.Fatal(err)
	}
	return manager
}

var theKeys = sync.OnceValues(func() (*keys.Manager, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "signet-web")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	keks, err := seal.Create(filepath.Join(dir, "kek"))
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "signet.db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	return keys.Open(ctx, keys.Options{
		Store: store, KEKs: keks, InUse: func() []string { return []string{keys.RS256, keys.ES256, keys.EdDSA} },
		Policy: keys.Policy{
			MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: 2 * time.Second,
			ClockSkew: time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 24 * time.Hour, RSABits: 2048,
		},
	})
})
