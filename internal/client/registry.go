package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/fresh"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// pollInterval is how often the registry polls the store.
	pollInterval = 250 * time.Millisecond
	// pollTimeout is the time limit of one poll.
	pollTimeout = 2 * time.Second
	// maxAge is the maximum age of a snapshot that the registry uses.
	maxAge = 5 * time.Second
)

var errStale = errors.New("the registry of clients and audiences is older than 5s")

// Store reads clients and audiences, and remembers used assertions. An error
// that is an oauth.Code is an answer of the store. Every other error means that
// the store did not answer.
type Store interface {
	// DirectoryVersion reads the version of the clients and audiences and the
	// store's clock. It is one small read.
	DirectoryVersion(ctx context.Context) (version int64, now time.Time, err error)
	// Directory reads all clients and audiences as of one version.
	Directory(ctx context.Context) (Directory, error)
	// UseAssertion records that the client has used the assertion of that id.
	// The record stays until expires. UseAssertion returns oauth.AlreadyExists
	// if there is such a record. Of concurrent calls with the same id, exactly
	// one returns nil. The record is durable on return.
	UseAssertion(ctx context.Context, clientID string, id []byte, expires time.Time) error
}

// Options configures a Registry. Every field is required.
type Options struct {
	Store Store
	// Issuer is the issuer identifier (RFC 8414 §2).
	Issuer string
	// Lifetimes bound the access tokens of the targets.
	Lifetimes Lifetimes
	// Ready reports whether a key of the algorithm may sign.
	Ready func(algorithm string) bool
	Log   *slog.Logger
}

// A Registry holds a snapshot of the clients and audiences. It polls the store,
// so that requests with valid credentials read no client from the store, and so
// that every server refuses a disabled client within half a second.
type Registry struct {
	o     Options
	clock Clock

	// polling is held during a poll, so that no snapshot replaces a newer one.
	polling fresh.Lock
	// again polls for requests whose client the snapshot does not have.
	again    *fresh.Reader
	snapshot atomic.Pointer[Snapshot]
}

// NewRegistry returns a Registry without a snapshot. Call Poll before the first
// request.
func NewRegistry(o Options) *Registry {
	r := &Registry{o: o, polling: fresh.NewLock()}
	r.again = fresh.NewReader(r.polling, r.poll)
	return r
}

// Run polls until ctx ends.
func (r *Registry) Run(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}

		err := r.Poll(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			r.o.Log.Warn("cannot read clients and audiences", "error", err)
			failing = true
		case err == nil && failing:
			r.o.Log.Info("clients and audiences can be read again")
			failing = false
		}
	}
}

// Poll reads the version and the store's clock. If the version has changed, it
// reads the clients and audiences too.
func (r *Registry) Poll(ctx context.Context) error {
	if err := r.polling.Acquire(ctx); err != nil {
		return oauth.Unavailable(err)
	}
	defer r.polling.Release()
	return r.poll(ctx)
}

func (r *Registry) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()

	confirmed := time.Now()
	version, err := r.clock.Read(ctx, r.o.Store.DirectoryVersion)
	if err != nil {
		return oauth.FromStore(err)
	}
	next := new(Snapshot)
	if old := r.snapshot.Load(); old != nil && old.version == version {
		*next = *old
	} else {
		d, err := r.o.Store.Directory(ctx)
		if err != nil {
			return oauth.FromStore(err)
		}
		next.fill(d)
	}
	next.confirmed = confirmed
	r.snapshot.Store(next)
	return nil
}

// Snapshot returns the current snapshot. It returns temporarily_unavailable if
// the store has not confirmed the snapshot for 5 s.
func (r *Registry) Snapshot() (*Snapshot, error) {
	s := r.snapshot.Load()
	if s == nil || time.Since(s.confirmed) > maxAge {
		return nil, oauth.Unavailable(errStale)
	}
	return s, nil
}

// LastSnapshot returns the last snapshot, however old it is, or an empty one.
// It decides which pages may read an error response, and nothing else.
func (r *Registry) LastSnapshot() *Snapshot {
	if s := r.snapshot.Load(); s != nil {
		return s
	}
	return &Snapshot{}
}

// Recheck returns a snapshot that the store has confirmed since the call.
// Concurrent calls share one read, and there are at most ten reads a second;
// see fresh.Reader. Recheck returns temporarily_unavailable if the store does
// not answer or cannot be read again in time.
func (r *Registry) Recheck(ctx context.Context) (*Snapshot, error) {
	if err := r.again.Read(ctx); err != nil {
		return nil, oauth.FromStore(err)
	}
	return r.Snapshot()
}

// ClientEnabled reports whether there is an enabled client of that id. If s
// does not have the client, ClientEnabled reads the clients again.
func (r *Registry) ClientEnabled(ctx context.Context, s *Snapshot, id string) (bool, error) {
	c, ok := s.Client(id)
	if !ok {
		var err error
		if s, err = r.Recheck(ctx); err != nil {
			return false, err
		}
		c, ok = s.Client(id)
	}
	return ok && c.DisabledAt.IsZero(), nil
}

// Now returns the time by the store's clock. All decisions that compare times
// use it: the expiry of grants and tokens, the leeway, deadlines, assertions
// and certificates. It is valid even after the snapshot has become too old, so
// that a long request can finish. The registry must have polled before.
func (r *Registry) Now() time.Time { return r.clock.Now() }

// StoreTime returns Now. It returns temporarily_unavailable if the snapshot is
// too old.
func (r *Registry) StoreTime() (time.Time, error) {
	_, err := r.Snapshot()
	return r.Now(), err
}

// Health returns the error of Snapshot, or nil.
func (r *Registry) Health() error {
	_, err := r.Snapshot()
	return err
}

// Algorithms returns the signing algorithms of the audiences, sorted. An
// audience that changes its algorithm needs both algorithms until a key of the
// new one may sign.
func (r *Registry) Algorithms() []string {
	var names []string
	if s := r.snapshot.Load(); s != nil {
		for _, a := range s.audiences {
			names = append(names, a.Algorithm)
			if a.PreviousAlgorithm != "" && !r.o.Ready(a.Algorithm) {
				names = append(names, a.PreviousAlgorithm)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
