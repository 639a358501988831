package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// TestPolls_HaveTheirOwnConnection: while all other readers are in use, polls
// succeed.
func TestPolls_HaveTheirOwnConnection(t *testing.T) {
	s := open(t, newFile(t))
	for range readers {
		conn, err := s.readDB.db.Conn(t.Context())
		must(t, err)
		defer func() { must(t, conn.Close()) }()
	}

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	for name, poll := range map[string]func() error{
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
	} {
		if err := poll(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLists_LeaveAReader: while 100 lists wait for two slow ones, reads of
// single rows succeed.
func TestLists_LeaveAReader(t *testing.T) {
	file := newFile(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, file)
		must(t, s.CreateUser(t.Context(), ann))
		_, err := s.MintGrant(t.Context(), grant.Grant{
			ID: oauth.GrantID{1}, UserID: ann.ID, RotatedAt: then, ExpiresAt: then, AuthTime: then,
		})
		must(t, err)
		for range maxLists { // lists that are slow
			must(t, s.beginList(t.Context()))
			conn, err := s.readDB.db.Conn(t.Context())
			must(t, err)
			defer func() { s.endList(); must(t, conn.Close()) }()
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make([]error, 100)
		var lists sync.WaitGroup
		for i := range errs {
			lists.Go(func() { errs[i] = listKinds[i%len(listKinds)](ctx, s) })
		}

		synctest.Wait() // All lists wait.
		_, err = s.Grant(t.Context(), oauth.GrantID{1})
		must(t, err)
		_, err = s.User(t.Context(), "ann")
		must(t, err)
		cancel()
		lists.Wait()
		for i, err := range errs {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("list %d did not wait: %v", i, err)
			}
		}
	})
}

// listKinds are the calls that read many rows.
var listKinds = []func(context.Context, *Store) error{
	func(ctx context.Context, s *Store) error {
		_, err := s.Grants(ctx, grant.Filter{Subject: ann.ID, Limit: 10})
		return err
	},
	func(ctx context.Context, s *Store) error { _, err := s.Users(ctx, "", 10); return err },
	func(ctx context.Context, s *Store) error {
		_, err := s.SweepGrants(ctx, oauth.GrantID{}, 10, then, then)
		return err
	},
}
