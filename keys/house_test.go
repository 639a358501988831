package keys_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

func testPolicy() keys.Policy {
	return keys.Policy{
		MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: 2 * time.Second,
		ClockSkew: 2 * time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 90 * 24 * time.Hour, RSABits: 2048,
	}
}

// openStore opens a SQLite file of its own at path, with the schema in it.
func openStore(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// A house is a store, a KEK file, and what servers in it have in common.
type house struct {
	t       testing.TB
	path    string
	kekFile string
	store   *brittle
	policy  keys.Policy
	inUse   atomic.Pointer[[]string]

	mu     sync.Mutex
	events []keys.Event
	fault  error // what the audit says
}

func newHouse(t testing.TB) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{t: t, path: filepath.Join(dir, "signet.db"), kekFile: filepath.Join(dir, "kek"), policy: testPolicy()}
	h.use(keys.ES256)
	if _, err := seal.Create(h.kekFile); err != nil {
		t.Fatal(err)
	}
	h.store = &brittle{}
	h.store.swap(openStore(t, h.path))
	return h
}

// use sets the algorithms that audiences ask for.
func (h *house) use(algorithms ...string) { h.inUse.Store(&algorithms) }

func (h *house) options() keys.Options {
	keks, err := seal.LoadOwn(h.kekFile)
	if err != nil {
		h.t.Fatal(err)
	}
	return keys.Options{
		Store: h.store, KEKs: keks, Policy: h.policy, InUse: func() []string { return *h.inUse.Load() },
		Audit: func(e keys.Event) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, e)
			return h.fault
		},
	}
}

// open starts a server without its loop.
func (h *house) open(edits ...func(*keys.Options)) *keys.Manager {
	h.t.Helper()
	o := h.options()
	for _, edit := range edits {
		edit(&o)
	}
	m, err := keys.Open(context.Background(), o)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// by is who asks for changes.
var by = keys.Actor{Name: "operator:ann", RequestID: "r-1"}

// poll is a little more than the time within which every server has polled and made what is due.
const poll = 2*time.Second + time.Millisecond

func operator(o *keys.Options) { o.Operator = true }

func skewed(by time.Duration) func(*keys.Options) {
	return func(o *keys.Options) { o.Now = func() time.Time { return time.Now().Add(by) } }
}

// run starts a server with its loop; it ends with the returned function.
func (h *house) run(edits ...func(*keys.Options)) (m *keys.Manager, stop func()) {
	h.t.Helper()
	m = h.open(edits...)
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { m.Run(ctx) })
	return m, func() { cancel(); loop.Wait() }
}

// audited says how often an event was told.
func (h *house) audited(event string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e.Name == event {
			n++
		}
	}
	return n
}

// failAudit sets what the audit says from now on.
func (h *house) failAudit(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = err
}

// ring reads what the store has.
func (h *house) ring() keys.Ring {
	h.t.Helper()
	r, err := h.store.Ring(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) row(m *keys.Manager, kid string) keys.Row {
	h.t.Helper()
	rows := m.Rows()
	i := slices.IndexFunc(rows, func(r keys.Row) bool { return r.Key == kid })
	if i < 0 {
		h.t.Fatalf("no key %s in %v", kid, rows)
	}
	return rows[i]
}

// kids returns the ids of an algorithm's keys in a state.
func kids(m *keys.Manager, algorithm string, state keys.State) (found []string) {
	for _, r := range m.Rows() {
		if r.Algorithm == algorithm && r.State == state {
			found = append(found, r.Key)
		}
	}
	return found
}

// signs returns the kid that signs, after checking that it is published.
func (h *house) signs(m *keys.Manager, algorithm string) string {
	h.t.Helper()
	s, err := m.Signer(algorithm)
	if err != nil {
		h.t.Fatal(err)
	}
	if found, _, ok := m.PublicKey(s.KeyID); !ok || found != algorithm {
		h.t.Fatalf("the key %s signs and is not published", s.KeyID)
	}
	return s.KeyID
}

// brittle is a store that can be cut off, and exchanged for another as a restore does.
type brittle struct {
	store atomic.Pointer[sqlite.Store]
	down  atomic.Bool
	reads atomic.Int64
}

var errDown = errors.New("the store is down")

func (b *brittle) swap(s *sqlite.Store) { b.store.Store(s) }

func (b *brittle) RingVersion(ctx context.Context) (keys.Version, error) {
	if b.down.Load() {
		return keys.Version{}, errDown
	}
	b.reads.Add(1)
	return b.store.Load().RingVersion(ctx)
}

func (b *brittle) Ring(ctx context.Context) (keys.Ring, error) {
	if b.down.Load() {
		return keys.Ring{}, errDown
	}
	return b.store.Load().Ring(ctx)
}

func (b *brittle) SwapRing(ctx context.Context, from int64, next keys.Ring) error {
	if b.down.Load() {
		return errDown
	}
	return b.store.Load().SwapRing(ctx, from, next)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
