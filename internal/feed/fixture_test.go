package feed_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuerID    = "https://issuer.example"
	maxLifetime = time.Minute
)

var errCut = errors.New("the store is cut off")

// A store is what the feed needs of a store.
type store interface {
	grant.LogStore
	keys.Store
}

// A server is a Feed with its keys, on a store.
type server struct {
	*feed.Feed
	store atomic.Pointer[store]
	keys  *keys.Manager
	table *revocation.Table
	// cut makes each read of the store fail, and cutRing that of the key
	// ring.
	cut, cutRing atomic.Bool
	// slow is how long a read of the log takes.
	slow   atomic.Int64
	signed atomic.Int64
	// ringReads is how often the version of the key ring was read.
	ringReads atomic.Int64
}

// newStore returns a new SQLite store.
func newStore(t testing.TB) *sqlite.Store {
	t.Helper()
	return openStore(t, filepath.Join(t.TempDir(), "signet.db"))
}

// openStore opens the SQLite store at path.
func openStore(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{RevocationKeep: grant.RevocationKeep(maxLifetime)})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	must(t, s.Migrate(t.Context()))
	return s
}

// newServer returns a server that has read the log and runs until the test
// ends. edit changes its options.
func newServer(t testing.TB, s store, keks *seal.KEKs, edit ...func(*feed.Options)) *server {
	t.Helper()
	f := openServer(t, s, keks, edit...)
	must(t, f.Refresh(t.Context()))
	run(t, f.keys.Run)
	run(t, f.Run)
	return f
}

// openServer returns a server that reads nothing by itself.
func openServer(t testing.TB, s store, keks *seal.KEKs, edit ...func(*feed.Options)) *server {
	t.Helper()
	f := &server{table: new(revocation.Table)}
	f.store.Store(&s)
	var err error
	f.keys, err = keys.Open(t.Context(), keys.Options{
		Store: cutStore{s, f}, KEKs: keks, InUse: func() []string { return []string{keys.EdDSA} },
		Policy: keys.Policy{
			MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour,
			PollInterval: 2 * time.Second, ClockSkew: 2 * time.Minute,
			MaxLifetime: maxLifetime, MaxRefreshLifetime: 720 * time.Hour, RSABits: 2048,
		},
	})
	must(t, err)
	o := feed.Options{
		Issuer: issuerID, Keys: f.keys, Table: f.table, PollInterval: 200 * time.Millisecond,
		Keep: grant.RevocationKeep(maxLifetime), MaxWaiting: 10_000, Log: slog.New(slog.DiscardHandler),
		Observer: feed.Observer{Signed: func(string) { f.signed.Add(1) }},
		Revocations: func(ctx context.Context, from int64, limit int) (grant.LogPage, error) {
			if f.cut.Load() {
				return grant.LogPage{}, errCut
			}
			defer time.Sleep(time.Duration(f.slow.Load()))
			return (*f.store.Load()).Revocations(ctx, from, limit)
		},
	}
	for _, e := range edit {
		e(&o)
	}
	f.Feed = feed.New(o)
	return f
}

// A cutStore fails while the server is cut off, and counts reads of the ring.
type cutStore struct {
	keys.Store
	server *server
}

func (s cutStore) RingVersion(ctx context.Context) (keys.Version, error) {
	s.server.ringReads.Add(1)
	if s.server.cut.Load() || s.server.cutRing.Load() {
		return keys.Version{}, errCut
	}
	return s.Store.RingVersion(ctx)
}

// newKEKs returns a new KEK file.
func newKEKs(t testing.TB) *seal.KEKs {
	t.Helper()
	keks, err := seal.Create(filepath.Join(t.TempDir(), "kek"))
	must(t, err)
	return keks
}

// run runs a loop until the test ends.
func run(t testing.TB, loop func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { loop(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
}

// add writes entries about grants into the log.
func add(t testing.TB, s grant.LogStore, ids ...string) {
	t.Helper()
	var entries []grant.Revocation
	for _, id := range ids {
		entries = append(entries, grant.Revocation{Kind: revocation.Grant, Hash: revocation.Grant.Hash(id)})
	}
	_, err := s.AddRevocations(t.Context(), entries)
	must(t, err)
}

// A verifier polls a feed and checks every answer.
type verifier struct {
	table    revocation.Table
	position revocation.Position
	started  bool
	last     revocation.Head // of the last segment
	answer   feed.Answer     // the last one
	full     int             // answers with all entries
}

// poll polls a server and merges the answer.
func (v *verifier) poll(t testing.TB, s *server, wait time.Duration) feed.Answer {
	t.Helper()
	a, err := s.Poll(t.Context(), feed.Request{After: v.position, Full: !v.started, Wait: wait})
	must(t, err)
	v.merge(t, s, a)
	return a
}

// merge checks an answer and merges its entries.
func (v *verifier) merge(t testing.TB, s *server, a feed.Answer) {
	t.Helper()
	if len(a.Segments) == 0 {
		t.Fatal("the answer has no segment")
	}
	for i, segment := range a.Segments {
		head, entries := v.open(t, s, segment)
		switch {
		case head.Full:
			if i > 0 {
				t.Fatalf("segment %d is full", i)
			}
			v.full++
		case i > 0 && head.Before() != v.position:
			t.Fatalf("segment %d begins at %v, want %v", i, head.Before(), v.position)
		case !v.started, head.From-1 > v.position.Seq, head.To < v.position.Seq:
			t.Fatalf("segment %d from %v to %v, at the position %v", i, head.Before(), head.After(), v.position)
		}
		v.table.Merge(entries)
		v.position, v.started, v.last = head.After(), true, head
	}
	if v.position != a.Position {
		t.Fatalf("the segments end at %v, want %v", v.position, a.Position)
	}
	v.answer = a
}

// open verifies a segment.
func (v *verifier) open(t testing.TB, s *server, segment *feed.Segment) (revocation.Head, []revocation.Entry) {
	t.Helper()
	token, err := jws.Verify(segment.Head, func(kid string) (string, crypto.PublicKey, bool) {
		algorithm, key, err := s.keys.PublicKey(t.Context(), kid)
		return algorithm, key, err == nil && !v.refuses(revocation.Key, kid)
	})
	must(t, err)
	var head revocation.Head
	must(t, json.Unmarshal(token.Payload, &head))
	entries, err := revocation.DecodeEntries(segment.Entries)
	must(t, err)
	switch {
	case token.Type != revocation.HeadType, head.Issuer != issuerID, head.Sum != revocation.Sum(segment.Entries):
		t.Fatalf("typ %q, head %+v", token.Type, head)
	case !head.Full && int64(len(entries)) != head.To-head.From+1:
		t.Fatalf("%d entries, head %+v", len(entries), head)
	case time.Since(time.UnixMilli(head.At)) < -time.Second, head.Keep < 60:
		t.Fatalf("head %+v", head)
	}
	return head, entries
}

// refusesGrant reports whether the verifier refuses the tokens of a grant.
func (v *verifier) refusesGrant(id string) bool { return v.refuses(revocation.Grant, id) }

// refuses reports whether the verifier has an entry of the kind about the text.
func (v *verifier) refuses(kind revocation.Kind, text string) bool {
	_, ok := v.table.Get(kind.Hash(text))
	return ok
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
