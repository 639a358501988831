package issuer

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// directoryPoll is how often the directory's version and the store's clock are read.
	directoryPoll = 250 * time.Millisecond
	// directoryPatience bounds one such read.
	directoryPatience = 2 * time.Second
	// directoryMaxAge is how old the snapshot may be before nothing is decided by it.
	directoryMaxAge = 5 * time.Second
	// directoryRecheck is how old it must be for a refused client to be worth another read.
	directoryRecheck = 100 * time.Millisecond
)

// A Directory keeps a snapshot of the clients and audiences, and the offset of the store's clock. It is polled, so that no
// request reads it from the store, and a disabled client is refused within half a second everywhere.
type Directory struct {
	store Store
	now   func() time.Time
	log   *slog.Logger

	polling  sync.Mutex // one poll at a time
	snapshot atomic.Pointer[snapshot]
}

type snapshot struct {
	version   int64
	clients   map[string]*client.Client
	audiences map[string]client.Audience
	// holders are the clients by the names of their certificates; empty for a name that two have.
	holders map[string]string
	// offset is what must be added to our clock to have the store's.
	offset time.Duration
	// confirmed is when the store last said that this is its version.
	confirmed time.Time
}

// OpenDirectory reads the directory for the first time.
func OpenDirectory(ctx context.Context, store Store, now func() time.Time, log *slog.Logger) (*Directory, error) {
	d := &Directory{store: store, now: now, log: log}
	return d, d.Poll(ctx)
}

// Run polls until ctx ends.
func (d *Directory) Run(ctx context.Context) {
	tick := time.NewTicker(directoryPoll)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := d.Poll(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			d.log.Warn("the clients and audiences cannot be read", "error", err)
			failing = true
		case err == nil && failing:
			d.log.Info("the clients and audiences are read again")
			failing = false
		}
	}
}

// Poll reads the version and the store's clock, and the directory itself if its version moved.
func (d *Directory) Poll(ctx context.Context) error {
	d.polling.Lock()
	defer d.polling.Unlock()
	return d.poll(ctx)
}

func (d *Directory) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, directoryPatience)
	defer cancel()

	confirmed, before := time.Now(), d.now()
	version, storeNow, err := d.store.DirectoryVersion(ctx)
	if err != nil {
		return oauth.FromStore(err)
	}
	next := &snapshot{version: version, confirmed: confirmed}
	next.offset = storeNow.Sub(before.Add(d.now().Sub(before) / 2))
	if old := d.snapshot.Load(); old != nil && old.version == version {
		next.clients, next.audiences, next.holders = old.clients, old.audiences, old.holders
		d.snapshot.Store(next)
		return nil
	}
	directory, err := d.store.Directory(ctx)
	if err != nil {
		return oauth.FromStore(err)
	}
	next.version = directory.Version
	next.clients = make(map[string]*client.Client, len(directory.Clients))
	for i := range directory.Clients {
		c := &directory.Clients[i]
		next.clients[c.ID] = c
	}
	next.holders = holders(directory.Clients)
	next.audiences = make(map[string]client.Audience, len(directory.Audiences))
	for _, a := range directory.Audiences {
		next.audiences[a.ID] = a
	}
	d.snapshot.Store(next)
	return nil
}

// fresh returns the snapshot, or temporarily_unavailable if the store has not confirmed it for too long.
func (d *Directory) fresh() (*snapshot, error) {
	s := d.snapshot.Load()
	if s == nil || time.Since(s.confirmed) > directoryMaxAge {
		return nil, oauth.Unavailable(errStaleDirectory)
	}
	return s, nil
}

// Health returns nil while the snapshot is young enough to decide by.
func (d *Directory) Health() error {
	_, err := d.fresh()
	return err
}

// Authenticate returns the client of that id if the secret is one of its live ones; a public client has the empty secret
// (RFC 6749 §2.3.1). Everybody else is invalid_client, which is said only on positive knowledge: before it refuses by an
// old snapshot it reads a new one.
func (d *Directory) Authenticate(ctx context.Context, id, secret string) (client.Client, error) {
	return d.certain(ctx, func(s *snapshot) (*client.Client, bool) { return s.authenticate(id, secret) })
}

// certain returns the client that prove finds in the snapshot, or in one that the store has just confirmed.
func (d *Directory) certain(ctx context.Context, prove func(*snapshot) (*client.Client, bool)) (client.Client, error) {
	s, err := d.fresh()
	if err != nil {
		return client.Client{}, err
	}
	if c, ok := prove(s); ok {
		return *c, nil
	}
	if s, err = d.recent(ctx); err != nil {
		return client.Client{}, err
	}
	c, ok := prove(s)
	if !ok {
		return client.Client{}, oauth.Refused(oauth.InvalidClient, nil)
	}
	return *c, nil
}

// recent returns a snapshot that the store has confirmed just now, and reads at most one for all who ask at once.
func (d *Directory) recent(ctx context.Context) (*snapshot, error) {
	d.polling.Lock()
	defer d.polling.Unlock()
	if s := d.snapshot.Load(); s != nil && time.Since(s.confirmed) < directoryRecheck {
		return s, nil
	}
	if err := d.poll(ctx); err != nil {
		return nil, err
	}
	return d.fresh()
}

func (s *snapshot) authenticate(id, secret string) (*client.Client, bool) {
	c, ok := s.clients[id]
	switch {
	case !ok, !c.DisabledAt.IsZero():
		return nil, false
	case c.Public:
		return c, secret == ""
	}
	return c, c.SecretMatches(secret)
}

// Algorithms returns the signing algorithms that audiences ask for, sorted. An audience that changed its algorithm asks for
// both until ready says that the new one may sign.
func (d *Directory) Algorithms(ready func(algorithm string) bool) []string {
	var names []string
	if s := d.snapshot.Load(); s != nil {
		for _, a := range s.audiences {
			names = append(names, a.Algorithm)
			if a.PreviousAlgorithm != "" && !ready(a.Algorithm) {
				names = append(names, a.PreviousAlgorithm)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
