package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/keys"
)

func TestSplitConns(t *testing.T) {
	for n, want := range map[int][3]int{
		1: {0, 0, 1}, 2: {1, 0, 1}, 3: {1, 1, 1}, 4: {1, 2, 1}, 5: {1, 2, 2}, 16: {1, 8, 7}, 1000: {1, 12, 987},
	} {
		polls, refreshes, others := splitConns(n)
		if got := [3]int{polls, refreshes, others}; got != want {
			t.Errorf("%d connections: %v, want %v", n, got, want)
		}
	}
}

// TestConns_OneKindDoesNotStopOthers: while 100 calls of one kind wait for a
// lock, polls, refreshes and the calls of the other kinds succeed.
func TestConns_OneKindDoesNotStopOthers(t *testing.T) {
	kinds := []struct {
		name string
		// call needs a lock on the table users.
		call func(context.Context, *Store) error
		// conns is how many connections the kind can use.
		conns func(*Store) int
	}{
		{
			"lists",
			func(ctx context.Context, s *Store) error { _, err := s.Users(ctx, "", 10); return err },
			func(s *Store) int { return s.conns.lists.size() },
		},
		{
			"reads",
			func(ctx context.Context, s *Store) error { _, err := s.User(ctx, "ann"); return err },
			func(s *Store) int { return s.conns.reads.size() },
		},
		{
			"acts",
			func(ctx context.Context, s *Store) error { return s.SetClaims(ctx, "ann", nil) },
			func(s *Store) int { return s.conns.acts.size() },
		},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			url := pgtest.New(t)
			s, holder := open(t, url, Options{}), open(t, url, Options{MaxConns: 1})
			must(t, s.CreateUser(t.Context(), ann))
			for i := range byte(75) {
				must(t, createGrant(aGrant(i))(s))
			}

			lock := begin(t, holder)
			_, err := lock.Exec(t.Context(), `LOCK TABLE users IN ACCESS EXCLUSIVE MODE`)
			must(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			var flood sync.WaitGroup
			for range 100 {
				flood.Go(func() { _ = kind.call(ctx, s) })
			}
			waitForBlockedStatements(t, open(t, url, Options{MaxConns: 1}), kind.conns(s))
			othersSucceed(t, s, kind.name)
			cancel()
			flood.Wait()
			must(t, lock.tx.Rollback(t.Context()))
		})
	}
}

// waitForBlockedStatements returns when that many statements wait for a lock.
func waitForBlockedStatements(t *testing.T, s *Store, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for blocked := 0; blocked < n; <-tick.C {
		must(t, s.db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&blocked))
	}
}

// othersSucceed makes 75 refreshes and the calls of all kinds except that one,
// which do not need the table users.
func othersSucceed(t *testing.T, s *Store, except string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	calls := map[string]func() error{
		"directory version": func() error { _, _, err := s.DirectoryVersion(ctx); return err },
		"directory":         func() error { _, err := s.Directory(ctx); return err },
		"ring version":      func() error { _, err := s.RingVersion(ctx); return err },
		"ring":              func() error { _, err := s.Ring(ctx); return err },
		"swap ring": func() error {
			if err := s.SwapRing(ctx, -1, keys.Ring{}, nil); !errors.Is(err, keys.ErrRaced) {
				return fmt.Errorf("error %w, want %w", err, keys.ErrRaced)
			}
			return nil
		},
		"lists":  func() error { _, err := s.Grants(ctx, grant.Filter{Subject: ann.ID, Limit: 10}); return err },
		"reads":  func() error { _, err := s.Grant(ctx, oauth.GrantID{1}); return err },
		"acts":   func() error { return s.DeleteAttempts(ctx, [16]byte{}) },
		"sweeps": func() error { _, err := s.SweepAssertions(ctx, then, 10); return err },
		"shared": func() error {
			_, _, err := s.RevokeGrant(ctx, oauth.GrantID{74}, "", audit.RevokedByClient, then)
			return err
		},
	}
	delete(calls, except)
	for i := range byte(74) {
		calls[fmt.Sprint("refresh ", i)] = func() error {
			r, err := s.RefreshGrant(ctx, currentToken(aGrant(i)))
			if err == nil && r.Outcome != grant.Rotated {
				err = fmt.Errorf("outcome %s", r.Outcome)
			}
			return err
		}
	}

	var all sync.WaitGroup
	for name, call := range calls {
		all.Go(func() {
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
}
