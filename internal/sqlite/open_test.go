package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

var (
	then = time.Date(2026, 2, 3, 4, 5, 6, 7_000, time.UTC)
	ann  = login.User{ID: "usr_ann", Username: "ann", CreatedAt: then}
)

// open opens the store at path and migrates it.
func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() }) // some tests close it themselves
	must(t, s.Migrate(t.Context()))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPathsAreNames(t *testing.T) {
	for _, name := range []string{"a b", "a?mode=memory", "a#b", "a%20b", "ä;x", ":memory:", "file:x"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		must(t, s.CreateUser(t.Context(), ann))
		must(t, s.Close())
		again := open(t, path)
		if _, err := again.User(t.Context(), "ann"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCommitsReachTheDisk(t *testing.T) {
	s := open(t, newFile(t))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1"} {
		var got string
		must(t, s.writes.QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

func TestReadsCannotWrite(t *testing.T) {
	s := open(t, newFile(t))
	if _, err := s.reads.ExecContext(t.Context(), `DELETE FROM versions`); err == nil {
		t.Error("a connection for reading has written")
	}
}

func TestClockIsTheOptions(t *testing.T) {
	at := then.Add(999 * time.Nanosecond).In(time.FixedZone("", 3600))
	s, err := Open(t.Context(), newFile(t), Options{Now: func() time.Time { return at }})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	_, now, err := s.DirectoryVersion(t.Context())
	must(t, err)
	v, err := s.RingVersion(t.Context())
	must(t, err)
	if !now.Equal(then) || !v.Now.Equal(then) || now.Location() != time.UTC {
		t.Errorf("the clock says %v and %v, want %v", now, v.Now, then)
	}
}

// TestDeadlineIsJudgedByTheClock: a token whose deadline comes while it waits for its turn is late.
func TestDeadlineIsJudgedByTheClock(t *testing.T) {
	now := then
	s, err := Open(t.Context(), newFile(t), Options{Now: func() time.Time { return now }})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	must(t, s.CreateUser(t.Context(), ann))
	g := grant.Grant{ID: oauth.GrantID{1}, UserID: ann.ID, RotatedAt: then, IdleLifetime: time.Hour, ExpiresAt: then.Add(time.Hour), CreatedAt: then}
	must(t, s.CreateGrant(t.Context(), g, 0))
	p := []grant.RefreshAttempt{{Grant: g.ID, ReceivedAt: then, Deadline: then.Add(time.Second)}}
	for _, c := range []struct {
		now  time.Time
		want grant.Outcome
	}{{then.Add(time.Second), grant.Late}, {then.Add(time.Second - time.Microsecond), grant.Rotated}} {
		now = c.now
		v, err := s.RefreshGrants(t.Context(), p)
		must(t, err)
		if v[0].Outcome != c.want {
			t.Errorf("%s at %v, want %s", v[0].Outcome, now, c.want)
		}
	}
}

// TestOtherProcessGetsItsTurn: two stores on one file lock each other out as two processes do. One writes without a pause,
// and long each time; the other gets in all the same.
func TestOtherProcessGetsItsTurn(t *testing.T) {
	path := newFile(t)
	busy, other := open(t, path), open(t, path)
	must(t, busy.CreateUser(t.Context(), ann))
	var done atomic.Bool
	turns, ended := make(chan struct{}), make(chan error, 4)
	for range cap(ended) {
		go func() {
			var err error
			for err == nil && !done.Load() {
				err = busy.write(context.Background(), func(ctx context.Context, tx *sql.Tx) error { return writeFor(tx, 10*time.Millisecond) })
				select {
				case turns <- struct{}{}:
				default:
				}
			}
			ended <- err
		}()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for i := range 12 {
		for range 3 {
			<-turns // the busy one is at it again
		}
		if err := other.CreateUser(ctx, login.User{ID: fmt.Sprint(i), Username: fmt.Sprint(i), CreatedAt: then}); err != nil {
			t.Errorf("write %d beside a busy process: %v", i, err)
			break
		}
	}
	done.Store(true)
	for range cap(ended) {
		must(t, <-ended)
	}
}

func writeFor(tx *sql.Tx, d time.Duration) error {
	for begin := time.Now(); time.Since(begin) < d; {
		if _, err := tx.Exec(`UPDATE users SET claims = 'null'`); err != nil {
			return err
		}
	}
	return nil
}

// TestWaitEndsWithTheContext: whoever waits for their turn to write stops when their time is up, and leaves no mark.
func TestWaitEndsWithTheContext(t *testing.T) {
	s := open(t, newFile(t))
	begun, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.write(context.Background(), func(context.Context, *sql.Tx) error {
			close(begun)
			<-end
			return nil
		})
	}()
	<-begun // somebody writes
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.CreateUser(ctx, ann); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	close(end)
	must(t, <-ended)
	must(t, s.CreateUser(t.Context(), ann))
}

// TestFailedChangeLeavesTheWriterWhole: after an error in the midst of a transaction the next one works.
func TestFailedChangeLeavesTheWriterWhole(t *testing.T) {
	s := open(t, newFile(t))
	must(t, s.CreateUser(t.Context(), ann))
	twin := grant.Grant{ID: oauth.GrantID{1}, UserID: ann.ID, RotatedAt: then, ExpiresAt: then, CreatedAt: then}
	must(t, s.MintGrant(t.Context(), twin))
	for range 3 {
		if err := s.MintGrant(t.Context(), twin); err == nil || errors.Is(err, oauth.AlreadyExists) {
			t.Errorf("error %v, want one that is no answer", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := s.UpdateClient(ctx, "missing", func(*client.Client) error { return nil })
		if !errors.Is(err, oauth.NotFound) {
			t.Errorf("error %v, want not_found", err)
		}
		cancel()
		must(t, s.DisableUser(t.Context(), "ann", then))
		must(t, s.EnableUser(t.Context(), "ann"))
	}
}

// TestBubble: the store works where time is simulated.
func TestBubble(t *testing.T) {
	path := newFile(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), path, Options{})
		must(t, err)
		other, err := Open(t.Context(), path, Options{})
		must(t, err)
		must(t, s.CreateUser(t.Context(), ann))
		time.Sleep(time.Hour)
		must(t, other.DisableUser(t.Context(), "ann", time.Now()))
		u, err := s.User(t.Context(), "ann")
		must(t, err)
		if !u.DisabledAt.Equal(time.Now()) {
			t.Errorf("disabled at %v, want %v", u.DisabledAt, time.Now())
		}
		must(t, s.Close())
		must(t, other.Close())
	})
}

// TestRefreshReadsOneTable: a refresh depends on nothing but the grants.
func TestRefreshReadsOneTable(t *testing.T) {
	s := open(t, newFile(t))
	for _, table := range []string{"users", "clients", "audiences", "keys", "keks", "versions"} {
		_, err := s.writes.ExecContext(t.Context(), `DROP TABLE `+table)
		must(t, err)
	}
	v, err := s.RefreshGrants(t.Context(), []grant.RefreshAttempt{{}})
	must(t, err)
	if v[0].Outcome != grant.Missing {
		t.Errorf("%s, want missing", v[0].Outcome)
	}
}
