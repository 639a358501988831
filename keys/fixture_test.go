package keys_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

const day = 24 * time.Hour

// pollTime is a little longer than the time in which every server has polled
// and run its maintenance.
const pollTime = 2*time.Second + time.Millisecond

// by is the actor of the tests' requests.
var by = audit.Actor{Name: "operator:ann", RequestID: "r-1"}

func testPolicy() keys.Policy {
	return keys.Policy{
		MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: 2 * time.Second,
		ClockSkew: 2 * time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 90 * 24 * time.Hour, RSABits: 2048,
	}
}

// A fixture is a store, a KEK file, and the options that its servers share.
type fixture struct {
	t       testing.TB
	path    string
	kekFile string
	store   *testStore
	policy  keys.Policy
	inUse   atomic.Pointer[[]string]

	mu       sync.Mutex
	events   []audit.Event
	auditErr error // what the audit returns
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{t: t, path: filepath.Join(dir, "signet.db"), kekFile: filepath.Join(dir, "kek"), policy: testPolicy()}
	f.setInUse(keys.ES256)
	if _, err := seal.Create(f.kekFile); err != nil {
		t.Fatal(err)
	}
	f.store = &testStore{}
	f.store.replace(openStore(t, f.path))
	return f
}

// openStore opens a new SQLite store with its schema.
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

// setInUse sets the algorithms of the audiences.
func (f *fixture) setInUse(algorithms ...string) { f.inUse.Store(&algorithms) }

func (f *fixture) options() keys.Options {
	keks, err := seal.LoadOwn(f.kekFile)
	if err != nil {
		f.t.Fatal(err)
	}
	return keys.Options{
		Store: f.store, KEKs: keks, Policy: f.policy, InUse: func() []string { return *f.inUse.Load() },
		Audit: func(_ context.Context, e audit.Event) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
			return f.auditErr
		},
	}
}

// open starts a server without its loop.
func (f *fixture) open(edits ...func(*keys.Options)) *keys.Manager {
	f.t.Helper()
	o := f.options()
	for _, edit := range edits {
		edit(&o)
	}
	m, err := keys.Open(context.Background(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

// operator starts a command and returns its Operator.
func (f *fixture) operator(edits ...func(*keys.Options)) *keys.Operator {
	f.t.Helper()
	return f.open(append(edits, noMaintenance)...).Operator()
}

func noMaintenance(o *keys.Options) { o.NoMaintenance = true }

// skewed sets a clock that is wrong by offset.
func skewed(offset time.Duration) func(*keys.Options) {
	return func(o *keys.Options) { o.Now = func() time.Time { return time.Now().Add(offset) } }
}

// run starts a server with its loop. stop ends it.
func (f *fixture) run(edits ...func(*keys.Options)) (m *keys.Manager, stop func()) {
	f.t.Helper()
	m = f.open(edits...)
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { m.Run(ctx) })
	return m, func() { cancel(); loop.Wait() }
}

// audited returns how many events have this name.
func (f *fixture) audited(event string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Name == event {
			n++
		}
	}
	return n
}

// failAudit sets the error that the audit returns from now on.
func (f *fixture) failAudit(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.auditErr = err
}

// ring reads the ring from the store.
func (f *fixture) ring() keys.Ring {
	f.t.Helper()
	r, err := f.store.Ring(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// row returns the row of a key.
func (f *fixture) row(m *keys.Manager, kid string) keys.Row {
	f.t.Helper()
	rows := m.Rows()
	i := slices.IndexFunc(rows, func(r keys.Row) bool { return r.Key == kid })
	if i < 0 {
		f.t.Fatalf("no key %s in %v", kid, rows)
	}
	return rows[i]
}

// activeKID returns the kid of the active key. It checks that the key is
// published.
func (f *fixture) activeKID(m *keys.Manager, algorithm string) string {
	f.t.Helper()
	s, err := m.Signer(algorithm)
	if err != nil {
		f.t.Fatal(err)
	}
	if found, _, ok := publicKey(m, s.KeyID); !ok || found != algorithm {
		f.t.Fatalf("the key %s signs but is not published", s.KeyID)
	}
	return s.KeyID
}

// publicKey returns a key of the JWK Set and its algorithm. ok is false for
// every other kid.
func publicKey(m *keys.Manager, kid string) (algorithm string, key crypto.PublicKey, ok bool) {
	algorithm, key, err := m.PublicKey(context.Background(), kid)
	return algorithm, key, err == nil
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

// publishedKIDs returns the kids of the JWK Set.
func publishedKIDs(m *keys.Manager) map[string]bool {
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(m.Set().Bytes, &set); err != nil {
		panic(err)
	}
	kids := make(map[string]bool)
	for _, k := range set.Keys {
		kids[k.Kid] = true
	}
	return kids
}

// A testStore is a store that can be down, and that can be replaced by another
// store like in a restore.
type testStore struct {
	store atomic.Pointer[sqlite.Store]
	down  atomic.Bool
	reads atomic.Int64
}

var errDown = errors.New("the store is down")

func (s *testStore) replace(store *sqlite.Store) { s.store.Store(store) }

func (s *testStore) RingVersion(ctx context.Context) (keys.Version, error) {
	if s.down.Load() {
		return keys.Version{}, errDown
	}
	s.reads.Add(1)
	return s.store.Load().RingVersion(ctx)
}

func (s *testStore) Ring(ctx context.Context) (keys.Ring, error) {
	if s.down.Load() {
		return keys.Ring{}, errDown
	}
	return s.store.Load().Ring(ctx)
}

func (s *testStore) SwapRing(ctx context.Context, from int64, next keys.Ring, compromised []string) error {
	if s.down.Load() {
		return errDown
	}
	return s.store.Load().SwapRing(ctx, from, next, compromised)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
