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

// together makes changes at the same moment: as many as may leave do so, and arrive when all others wait. It returns what became
// of each, and how many writes each transaction held.
func together(t *testing.T, url string, o Options, changes ...func(*Store) error) (errs []error, sizes []int) {
	t.Helper()
	errs = make([]error, len(changes))
	synctest.Test(t, func(t *testing.T) {
		full := make(chan struct{})
		var mu sync.Mutex
		o.SentWrites = func(n int) {
			mu.Lock()
			sizes = append(sizes, n)
			mu.Unlock()
			<-full
		}
		s := open(t, url, o)
		var all sync.WaitGroup
		for i, change := range changes {
			all.Go(func() { errs[i] = change(s) })
		}
		synctest.Wait() // all other changes wait
		close(full)
		all.Wait()
	})
	return errs, sizes
}

// number returns what a query counts.
func number(t *testing.T, s *Store, query string) (n int) {
	t.Helper()
	must(t, s.pool.QueryRow(t.Context(), query).Scan(&n))
	return n
}

func revoke(id byte) func(*Store) error {
	return func(s *Store) error {
		_, _, err := s.RevokeGrant(context.Background(), oauth.GrantID{id}, "", audit.RevokedByClient, then)
		return err
	}
}

func createGrant(g grant.Grant) func(*Store) error {
	return func(s *Store) error { return s.CreateGrant(context.Background(), g, 0) }
}

func guess(user string) func(*Store) error {
	return func(s *Store) error {
		n, err := s.ReserveAttempt(context.Background(), []throttle.Counter{throttle.Account(user)}, then)
		if err == nil && n != 1 {
			return fmt.Errorf("%d counters took the guess", n)
		}
		return err
	}
}

// TestWritesShareACommit: what waits at the same moment is one transaction, of whatever kind it is, unless all shall go alone.
func TestWritesShareACommit(t *testing.T) {
	const ofEach = 20
	written := map[string]string{
		"revocations": `SELECT count(DISTINCT xmin::text) FROM grants WHERE revoked_at IS NOT NULL`,
		"logins":      `SELECT count(DISTINCT xmin::text) FROM grants WHERE revoked_at IS NULL`,
		"guesses":     `SELECT count(DISTINCT xmin::text) FROM guesses`,
	}
	for _, alone := range []bool{false, true} {
		url := pgtest.New(t)
		s := open(t, url, Options{})
		must(t, s.CreateUser(t.Context(), ann))
		var changes []func(*Store) error
		for i := range byte(ofEach) {
			must(t, s.CreateGrant(t.Context(), aGrant(i), 0))
			changes = append(changes, revoke(i), createGrant(aGrant(ofEach+i)), guess(fmt.Sprint("usr_", i)))
		}
		errs, sizes := together(t, url, Options{Alone: alone, MaxConns: 8}, changes...)
		must(t, errors.Join(errs...))
		most, want := writeFlights+1, []int{1, 1, 1, 1, 3*ofEach - writeFlights}
		if alone {
			most, want = ofEach, slices.Repeat([]int{1}, 3*ofEach)
		}
		if !slices.Equal(sizes, want) {
			t.Errorf("alone %v: transactions of %v writes, want %v", alone, sizes, want)
		}
		for kind, query := range written {
			if n := number(t, s, query); n > most || n == 0 || alone && n != most {
				t.Errorf("alone %v: %d transactions have made %d %s, want at most %d", alone, n, ofEach, kind, most)
			}
		}
	}
}

// TestFaultOfOneWriteIsItsOwn: what the database refuses, or what cannot be told to it or read from it, harms nobody else.
func TestFaultOfOneWriteIsItsOwn(t *testing.T) {
	nul, stranger, unsaid := aGrant(40), aGrant(41), aGrant(42)
	nul.DeviceLabel, stranger.UserID, unsaid.Claims = "a\x00b", "usr_bob", map[string]any{"f": func() {}}
	for name, bad := range map[string]struct {
		change func(*Store) error
		want   string
	}{
		"the grant is there already": {createGrant(aGrant(1)), "SQLSTATE 23505"},
		"a text that is none":        {createGrant(nul), "SQLSTATE 22021"},
		"claims that are not JSON":   {createGrant(unsaid), "unsupported type"},
		"no such user":               {createGrant(stranger), "invalid_grant"},
		"no such grant":              {revoke(99), "not_found"},
		"a row that cannot be read":  {revoke(9), "cannot unmarshal array"},
	} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.New(t)
			s := open(t, url, Options{})
			must(t, s.CreateUser(t.Context(), ann))
			var changes []func(*Store) error
			for i := range byte(10) {
				must(t, s.CreateGrant(t.Context(), aGrant(i), 0))
				changes = append(changes, revoke(i%8), createGrant(aGrant(10+i)), guess(fmt.Sprint(i%2)))
			}
			_, err := s.pool.Exec(t.Context(), `UPDATE grants SET claims = '[]' WHERE id = $1`, [16]byte{9})
			must(t, err)
			errs, _ := together(t, url, Options{MaxConns: 8}, append(changes, bad.change, bad.change)...)
			must(t, errors.Join(errs[:len(changes)]...))
			for _, err := range errs[len(changes):] {
				if err == nil || !strings.Contains(err.Error(), bad.want) {
					t.Errorf("error %v, want %s", err, bad.want)
				}
			}
			made := `SELECT count(*) FILTER (WHERE revoked_at IS NOT NULL AND id < '08000000-0000-0000-0000-000000000000') * 1000
				+ count(*) FILTER (WHERE revoked_at IS NULL AND id >= '0a000000-0000-0000-0000-000000000000') FROM grants`
			if n := number(t, s, made); n != 8010 {
				t.Errorf("%d grants were revoked and %d made, want 8 and 10", n/1000, n%1000)
			}
		})
	}
}

// TestBlockedWriteHoldsUpNobody: who waits for a row that somebody else has locked waits alone, and gets it in the end.
func TestBlockedWriteHoldsUpNobody(t *testing.T) {
	url := pgtest.New(t)
	s := open(t, url, Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, s.CreateGrant(t.Context(), aGrant(0), 0))
	holder, err := s.pool.Begin(t.Context())
	must(t, err)
	_, err = holder.Exec(t.Context(), `SELECT FROM grants FOR UPDATE`)
	must(t, err)
	changes := slices.Repeat([]func(*Store) error{revoke(0)}, writeFlights+1) // so that one goes with others
	var remaining atomic.Int64
	free := make(chan struct{}) // closed when all other changes have been made
	for i := range byte(16) {
		for _, change := range []func(*Store) error{createGrant(aGrant(1 + i)), guess(fmt.Sprint(i))} {
			remaining.Add(1)
			changes = append(changes, func(s *Store) error {
				defer func() {
					if remaining.Add(-1) == 0 {
						close(free)
					}
				}()
				return change(s)
			})
		}
	}
	go func() {
		<-free
		if err := holder.Rollback(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	errs, _ := together(t, url, Options{MaxConns: 8}, changes...)
	must(t, errors.Join(errs...))
	if n := number(t, s, `SELECT count(*) FROM grants WHERE revoked_at IS NOT NULL`); n != 1 {
		t.Errorf("%d grants are revoked, want 1", n)
	}
}

// TestWritesLockInOrder: whatever order writes came in, they lock users before grants before counters, each by their keys, so
// that no two transactions wait for each other in a circle. While somebody holds a row, none that comes after it is locked.
func TestWritesLockInOrder(t *testing.T) {
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
		// held is a row, after all of whose table's that free has no lock.
		held, free string
		args       []any
	}{
		"grants": {
			[]func(*Store) error{revoke(3), revoke(2), revoke(1)},
			`SELECT FROM grants WHERE id = $1 FOR UPDATE`, `SELECT FROM grants WHERE id <> $1 FOR UPDATE NOWAIT`,
			[]any{[16]byte{1}},
		},
		"users": {
			[]func(*Store) error{createGrant(of), createGrant(aGrant(21))},
			`SELECT FROM users WHERE id = $1 FOR UPDATE`, `SELECT FROM users WHERE id <> $1 FOR UPDATE NOWAIT`,
			[]any{ann.ID},
		},
		"users before grants": {
			[]func(*Store) error{revoke(1), createGrant(aGrant(21))},
			`SELECT FROM users WHERE id = $1 FOR UPDATE`, `SELECT $1::text FROM grants FOR UPDATE NOWAIT`,
			[]any{ann.ID},
		},
		"grants before counters": {
			[]func(*Store) error{both(first[0], last[0]), revoke(1)},
			`SELECT FROM grants WHERE id = $1 FOR UPDATE`, `SELECT $1::uuid FROM guesses FOR UPDATE NOWAIT`,
			[]any{[16]byte{1}},
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
				must(t, s.CreateGrant(t.Context(), aGrant(i), 0))
			}
			must(t, errors.Join(both(first[0], last[0])(s), both(first[1], last[1])(s)))
			var writings []*writing
			for _, w := range c.writes {
				writings = append(writings, unsent(s, w))
			}
			holder, err := s.pool.Begin(t.Context())
			must(t, err)
			_, err = holder.Exec(t.Context(), c.held, c.args...)
			must(t, err)
			ended := make(chan error, 1)
			go func() { ended <- s.shareAll(writings)[0].Err }()
			untilOneWaits(t, s)
			if _, err = s.pool.Exec(t.Context(), c.free, c.args...); err != nil {
				t.Errorf("rows are locked before one that comes first: %v", err)
			}
			must(t, holder.Rollback(t.Context()))
			if err := <-ended; err != nil && !strings.Contains(err.Error(), "lock timeout") {
				t.Error(err)
			}
		})
	}
}

// unsent returns the writing that a change would share.
func unsent(s *Store, change func(*Store) error) (w *writing) {
	catcher := *s
	catch := func(writings []*writing) []batch.Answer[struct{}] {
		w = writings[0]
		return batch.Whole[struct{}](1, errors.New("caught"))
	}
	catcher.writes = batch.New(batch.Options[struct{}, *writing, struct{}]{Run: catch, Flights: 1, Size: 1})
	_ = change(&catcher)
	return w
}

// sorted returns two counters by their keys.
func sorted(a, b throttle.Counter) [2]throttle.Counter {
	if bytes.Compare(a.Key.Owner[:], b.Key.Owner[:]) > 0 {
		a, b = b, a
	}
	return [2]throttle.Counter{a, b}
}

// TestSerializationFailureOfWritesIsMended: where transactions are serializable by default, some are rolled back, and nobody
// hears of it.
func TestSerializationFailureOfWritesIsMended(t *testing.T) {
	url := pgtest.New(t) + "&default_transaction_isolation=serializable"
	servers := []*Store{open(t, url, Options{MaxConns: 8}), open(t, url, Options{MaxConns: 8})}
	must(t, servers[0].CreateUser(t.Context(), ann))
	var all sync.WaitGroup
	for i := range byte(64) {
		all.Go(func() {
			s := servers[i%2]
			if err := errors.Join(createGrant(aGrant(i))(s), guess(fmt.Sprint(i%8))(s), revoke(i)(s)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestGivenUpWriteIsKnown: when the caller's time is up, what has left is waited for and what has not never is made.
func TestGivenUpWriteIsKnown(t *testing.T) {
	url := pgtest.New(t)
	setup := open(t, url, Options{})
	must(t, setup.CreateUser(t.Context(), ann))
	synctest.Test(t, func(t *testing.T) {
		left, arrive := make(chan struct{}, writeFlights), make(chan struct{})
		s := open(t, url, Options{SentWrites: func(int) { left <- struct{}{}; <-arrive }})
		ctx, giveUp := context.WithCancel(t.Context())
		errs := make([]error, writeFlights)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = s.CreateGrant(ctx, aGrant(byte(i)), 0) })
		}
		for range errs {
			<-left
		}
		late := make(chan error)
		go func() { late <- s.CreateGrant(ctx, aGrant(99), 0) }()
		synctest.Wait() // the late change waits
		giveUp()
		if err := <-late; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		close(arrive)
		all.Wait()
		must(t, errors.Join(errs...))
	})
	if n := number(t, setup, `SELECT count(*) FROM grants`); n != writeFlights {
		t.Errorf("%d grants, want %d", n, writeFlights)
	}
}
