package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/throttle"
)

// writeTogether makes changes concurrently. The first writes are dispatched at
// once, a transaction each. They run when all other writes wait. It returns the
// error of each change, and how many writes each transaction had.
func writeTogether(t *testing.T, url string, o Options, changes ...func(*Store) error) (errs []error, sizes []int) {
	t.Helper()
	errs = make([]error, len(changes))
	synctest.Test(t, func(t *testing.T) {
		othersWait := make(chan struct{})
		var mu sync.Mutex
		o.OnWriteBatch = func(n int) {
			mu.Lock()
			sizes = append(sizes, n)
			mu.Unlock()
			<-othersWait
		}
		s := open(t, url, o)
		var all sync.WaitGroup
		for i, change := range changes {
			all.Go(func() { errs[i] = change(s) })
		}
		synctest.Wait() // All other writes wait.
		close(othersWait)
		all.Wait()
	})
	return errs, sizes
}

// count returns the number that a statement returns.
func count(t *testing.T, s *Store, q query) (n int) {
	t.Helper()
	must(t, s.db.QueryRow(t.Context(), q).Scan(&n))
	return n
}

func revoke(id byte) func(*Store) error {
	return func(s *Store) error {
		_, _, err := s.RevokeGrant(context.Background(), oauth.GrantID{id}, "", audit.RevokedByClient, then)
		return err
	}
}

func createGrant(g grant.Grant) func(*Store) error {
	return func(s *Store) error { return create(context.Background(), s, g) }
}

func attempt(user string) func(*Store) error {
	return func(s *Store) error {
		n, err := s.ReserveAttempt(context.Background(), []throttle.Counter{throttle.Account(user)}, then)
		if err == nil && n != 1 {
			return fmt.Errorf("%d counters accepted the attempt", n)
		}
		return err
	}
}

// TestWrite_ConcurrentWritesShareATransaction: concurrent writes share a
// transaction, except with the option NoBatching. Revocations share one of
// their own.
func TestWrite_ConcurrentWritesShareATransaction(t *testing.T) {
	const ofEach = 20
	transactions := map[string]query{
		"revocations": `SELECT count(DISTINCT xmin::text) FROM grants WHERE revoked_at IS NOT NULL`,
		"logins":      `SELECT count(DISTINCT xmin::text) FROM grants WHERE revoked_at IS NULL`,
		"attempts":    `SELECT count(DISTINCT xmin::text) FROM guesses`,
	}
	for _, alone := range []bool{false, true} {
		url := pgtest.New(t)
		s := open(t, url, Options{})
		must(t, s.CreateUser(t.Context(), ann))
		var changes []func(*Store) error
		for i := range byte(ofEach) {
			must(t, create(t.Context(), s, aGrant(i)))
			changes = append(changes, revoke(i), createGrant(aGrant(ofEach+i)), attempt(fmt.Sprint("usr_", i)))
		}
		errs, sizes := writeTogether(t, url, Options{NoBatching: alone, MaxConns: 16}, changes...)
		must(t, errors.Join(errs...))
		most, want := maxWriteTransactions+1, []int{1, 1, 1, 1, 1, ofEach - 1, 2*ofEach - maxWriteTransactions}
		if alone {
			most, want = ofEach, slices.Repeat([]int{1}, 3*ofEach)
		}
		if slices.Sort(sizes); !slices.Equal(sizes, want) {
			t.Errorf("alone %v: transactions of %v writes, want %v", alone, sizes, want)
		}
		for kind, q := range transactions {
			if n := count(t, s, q); n > most || n == 0 || alone && n != most {
				t.Errorf("alone %v: %d transactions wrote %d %s, want at most %d", alone, n, ofEach, kind, most)
			}
		}
	}
}

// TestWrite_FailedWriteFailsAlone: a write that the database rejects, that
// cannot be encoded or whose row cannot be decoded does not affect the others.
func TestWrite_FailedWriteFailsAlone(t *testing.T) {
	nul, unknownUser, notJSON := aGrant(40), aGrant(41), aGrant(42)
	nul.DeviceLabel, unknownUser.UserID, notJSON.Claims = "a\x00b", "usr_bob", map[string]any{"f": func() {}}
	for name, bad := range map[string]struct {
		change func(*Store) error
		want   string
	}{
		"the grant exists":         {createGrant(aGrant(1)), "SQLSTATE 23505"},
		"a text with a zero byte":  {createGrant(nul), "SQLSTATE 22021"},
		"claims that are not JSON": {createGrant(notJSON), "unsupported type"},
		"no such user":             {createGrant(unknownUser), "invalid_grant"},
		"no such grant":            {revoke(99), "not_found"},
		"a row that is not valid":  {revoke(9), "cannot unmarshal array"},
	} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.New(t)
			s := open(t, url, Options{})
			must(t, s.CreateUser(t.Context(), ann))
			var changes []func(*Store) error
			for i := range byte(10) {
				must(t, create(t.Context(), s, aGrant(i)))
				changes = append(changes, revoke(i%8), createGrant(aGrant(10+i)), attempt(fmt.Sprint(i%2)))
			}
			exec(t, s, `UPDATE grants SET claims = '[]' WHERE id = $1`, [16]byte{9})
			errs, _ := writeTogether(t, url, Options{MaxConns: 8}, append(changes, bad.change, bad.change)...)
			must(t, errors.Join(errs[:len(changes)]...))
			for _, err := range errs[len(changes):] {
				if err == nil || !strings.Contains(err.Error(), bad.want) {
					t.Errorf("error %v, want %s", err, bad.want)
				}
			}
			var changed query = `SELECT count(*) FILTER (WHERE revoked_at IS NOT NULL AND id < '08000000-0000-0000-0000-000000000000') * 1000
				+ count(*) FILTER (WHERE revoked_at IS NULL AND id >= '0a000000-0000-0000-0000-000000000000') FROM grants`
			if n := count(t, s, changed); n != 8010 {
				t.Errorf("%d grants were revoked and %d created, want 8 and 10", n/1000, n%1000)
			}
		})
	}
}

// TestWrite_BlockedWriteDoesNotBlockOthers: a write that waits for a row that
// another transaction has locked waits alone, and succeeds in the end.
func TestWrite_BlockedWriteDoesNotBlockOthers(t *testing.T) {
	url := pgtest.New(t)
	s := open(t, url, Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(0)))
	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `SELECT FROM grants FOR UPDATE`)
	must(t, err)
	// One of the revocations shares a transaction with others.
	changes := slices.Repeat([]func(*Store) error{revoke(0)}, maxWriteTransactions+1)
	var others atomic.Int64
	othersDone := make(chan struct{})
	for i := range byte(16) {
		for _, change := range []func(*Store) error{createGrant(aGrant(1 + i)), attempt(fmt.Sprint(i))} {
			others.Add(1)
			changes = append(changes, func(s *Store) error {
				defer func() {
					if others.Add(-1) == 0 {
						close(othersDone)
					}
				}()
				return change(s)
			})
		}
	}
	var unlocked sync.WaitGroup
	unlocked.Go(func() {
		<-othersDone
		if err := holder.tx.Rollback(context.Background()); err != nil {
			t.Error(err)
		}
	})
	errs, _ := writeTogether(t, url, Options{MaxConns: 8}, changes...)
	unlocked.Wait()
	must(t, errors.Join(errs...))
	if n := count(t, s, `SELECT count(*) FROM grants WHERE revoked_at IS NOT NULL`); n != 1 {
		t.Errorf("%d grants are revoked, want 1", n)
	}
}

// TestWrite_LocksInOrder: a transaction locks users before counters, each by
// their keys, in whatever order its writes arrive. So two
// transactions never deadlock. While another transaction has locked a row, no
// later row is locked.
func TestWrite_LocksInOrder(t *testing.T) {
	bob := login.User{ID: "usr_bob", Username: "bob", CreatedAt: then}
	of := aGrant(20)
	of.UserID = bob.ID
	first := sorted(throttle.Device("1", "a")[0], throttle.Device("2", "a")[0])
	last := sorted(throttle.Account("1"), throttle.Account("2"))
	both := func(a, b throttle.Counter) func(*Store) error {
		return func(s *Store) error {
			_, err := s.ReserveAttempt(context.Background(), []throttle.Counter{a, b}, then)
			return err
		}
	}
	for name, c := range map[string]struct {
		writes []func(*Store) error
		// held locks a row. free fails if one of the later rows is locked.
		held, free query
		args       []any
	}{
		"users": {
			[]func(*Store) error{createGrant(of), createGrant(aGrant(21))},
			`SELECT FROM users WHERE id = $1 FOR UPDATE`, `SELECT FROM users WHERE id <> $1 FOR UPDATE NOWAIT`,
			[]any{ann.ID},
		},
		"users before counters": {
			[]func(*Store) error{both(first[0], last[0]), createGrant(aGrant(21))},
			`SELECT FROM users WHERE id = $1 FOR UPDATE`, `SELECT $1::text FROM guesses FOR UPDATE NOWAIT`,
			[]any{ann.ID},
		},
		"counters": {
			[]func(*Store) error{both(first[0], last[1]), both(first[1], last[0])},
			`SELECT FROM guesses WHERE owner = $1 AND part = $2 FOR UPDATE`,
			`SELECT $2::bytea FROM guesses WHERE owner > $1 AND part = $2 FOR UPDATE NOWAIT`,
			[]any{last[0].Key.Owner[:], last[0].Key.Part[:]},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, pgtest.New(t), Options{})
			must(t, errors.Join(s.CreateUser(t.Context(), ann), s.CreateUser(t.Context(), bob)))
			for i := range byte(4) {
				must(t, create(t.Context(), s, aGrant(i)))
			}
			must(t, errors.Join(both(first[0], last[0])(s), both(first[1], last[1])(s)))
			var requests []*writeRequest
			for _, w := range c.writes {
				requests = append(requests, requestOf(s, w))
			}
			holder := begin(t, s)
			_, err := holder.Exec(t.Context(), c.held, c.args...)
			must(t, err)
			done := make(chan error, 1)
			go func() { done <- s.runShared(requests)[0].Err }()
			waitForBlocked(t, s)
			if err := tryExec(t, s, c.free, c.args...); err != nil {
				t.Errorf("a later row is locked before an earlier one: %v", err)
			}
			must(t, holder.tx.Rollback(t.Context()))
			if err := <-done; err != nil && !strings.Contains(err.Error(), "lock timeout") {
				t.Error(err)
			}
		})
	}
}

// requestOf returns the request that a change would share, without running it.
func requestOf(s *Store, change func(*Store) error) (r *writeRequest) {
	catcher := *s
	catch := func(requests []*writeRequest) []batch.Result[struct{}] {
		r = requests[0]
		return batch.SameError[struct{}](1, errors.New("caught"))
	}
	catcher.writes = batch.New(batch.Options[struct{}, *writeRequest, struct{}]{
		Run: catch, MaxInProgress: 1, MaxSize: 1,
	})
	_ = change(&catcher)
	return r
}

// sorted returns two counters in the order of their keys.
func sorted(a, b throttle.Counter) [2]throttle.Counter {
	if bytes.Compare(a.Key.Owner[:], b.Key.Owner[:]) > 0 {
		a, b = b, a
	}
	return [2]throttle.Counter{a, b}
}

// TestWrite_RetriesAfterASerializationFailure: a database whose transactions
// are serializable by default rolls some of them back. No caller gets an error.
func TestWrite_RetriesAfterASerializationFailure(t *testing.T) {
	url := pgtest.New(t) + "&default_transaction_isolation=serializable"
	servers := []*Store{open(t, url, Options{MaxConns: 8}), open(t, url, Options{MaxConns: 8})}
	must(t, servers[0].CreateUser(t.Context(), ann))
	var all sync.WaitGroup
	for i := range byte(64) {
		all.Go(func() {
			s := servers[i%2]
			if err := errors.Join(createGrant(aGrant(i))(s), attempt(fmt.Sprint(i%8))(s), revoke(i)(s)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestWrite_SentWriteIsAwaited: if the context of a caller ends, a write that
// was sent is awaited, and a write that was not sent never runs.
func TestWrite_SentWriteIsAwaited(t *testing.T) {
	url := pgtest.New(t)
	setup := open(t, url, Options{})
	must(t, setup.CreateUser(t.Context(), ann))
	synctest.Test(t, func(t *testing.T) {
		sent, run := make(chan struct{}, maxWriteTransactions), make(chan struct{})
		s := open(t, url, Options{OnWriteBatch: func(int) { sent <- struct{}{}; <-run }})
		ctx, cancel := context.WithCancel(t.Context())
		errs := make([]error, maxWriteTransactions)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = create(ctx, s, aGrant(byte(i))) })
		}
		for range errs {
			<-sent
		}
		waiting := make(chan error)
		go func() { waiting <- create(ctx, s, aGrant(99)) }()
		synctest.Wait() // This write waits.
		cancel()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		close(run)
		all.Wait()
		must(t, errors.Join(errs...))
	})
	if n := count(t, setup, `SELECT count(*) FROM grants`); n != maxWriteTransactions {
		t.Errorf("%d grants, want %d", n, maxWriteTransactions)
	}
}
