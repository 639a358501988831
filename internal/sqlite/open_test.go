package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
)

var (
	then = time.Now().UTC().Truncate(time.Microsecond)
	ann  = login.User{ID: "usr_ann", Username: "ann", CreatedAt: then}
)

// open opens the store at path and migrates it.
func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() }) // Some tests close it themselves.
	must(t, s.Migrate(t.Context()))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exec runs a statement outside of a transaction.
func exec(t *testing.T, d database, q query, args ...any) {
	t.Helper()
	_, err := d.db.ExecContext(t.Context(), string(q), args...)
	must(t, err)
}

func TestOpen_PathIsNotAURL(t *testing.T) {
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

func TestOpen_CommitsAreDurable(t *testing.T) {
	s := open(t, newFile(t))
	for pragma, want := range map[query]string{
		`PRAGMA journal_mode`: "wal", `PRAGMA synchronous`: "2", `PRAGMA secure_delete`: "1",
	} {
		var got string
		must(t, s.writeDB.QueryRow(t.Context(), pragma).Scan(&got))
		if got != want {
			t.Errorf("%s returns %s, want %s", pragma, got, want)
		}
	}
}

func TestOpen_ReadConnectionsCannotWrite(t *testing.T) {
	s := open(t, newFile(t))
	if _, err := s.readDB.db.ExecContext(t.Context(), `DELETE FROM versions`); err == nil {
		t.Error("a connection for reading has written")
	}
}

func TestOpen_UsesTheClockOfTheOptions(t *testing.T) {
	at := then.Add(999 * time.Nanosecond).In(time.FixedZone("", 3600))
	s, err := Open(t.Context(), newFile(t), Options{Now: func() time.Time { return at }})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	_, now, err := s.DirectoryVersion(t.Context())
	must(t, err)
	v, err := s.RingVersion(t.Context())
	must(t, err)
	if !now.Equal(then) || !v.Now.Equal(then) || now.Location() != time.UTC {
		t.Errorf("the store's times are %v and %v, want %v", now, v.Now, then)
	}
}

// TestOpen_WorksInABubble: the store works where testing/synctest simulates
// time.
func TestOpen_WorksInABubble(t *testing.T) {
	path := newFile(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), path, Options{})
		must(t, err)
		other, err := Open(t.Context(), path, Options{})
		must(t, err)
		must(t, s.CreateUser(t.Context(), ann))
		time.Sleep(time.Hour)
		must(t, disable(t.Context(), other, "ann"))
		u, err := s.User(t.Context(), "ann")
		must(t, err)
		if !u.DisabledAt.Equal(time.Now()) {
			t.Errorf("disabled at %v, want %v", u.DisabledAt, time.Now())
		}
		must(t, s.Close())
		must(t, other.Close())
	})
}

// create creates a grant of a user with epoch 0.
func create(ctx context.Context, s *Store, g grant.Grant) error {
	_, err := s.CreateGrant(ctx, g, 0, 0)
	return err
}

// disable disables a user.
func disable(ctx context.Context, s *Store, username string) error {
	_, err := s.DisableUser(ctx, username, "operator:ann")
	return err
}

// mint creates a grant whose subject need not be a user.
func mint(ctx context.Context, s *Store, g grant.Grant) error {
	_, err := s.MintGrant(ctx, g)
	return err
}
