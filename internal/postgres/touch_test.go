package postgres

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

// TestTouchGrant_SharesTransactions: concurrent touches share a transaction
// with each other and with logins.
func TestTouchGrant_SharesTransactions(t *testing.T) {
	const ofEach = 20
	url := pgtest.New(t)
	s := open(t, url, Options{})
	must(t, s.CreateUser(t.Context(), ann))
	later := then.Add(time.Minute)
	var changes []func(*Store) error
	for i := range byte(ofEach) {
		must(t, create(t.Context(), s, aGrant(i)))
		changes = append(changes, createGrant(aGrant(ofEach+i)), func(s *Store) error {
			return s.TouchGrant(context.Background(), oauth.GrantID{i}, later)
		})
	}
	errs, sizes := writeTogether(t, url, Options{MaxConns: 16}, changes...)
	must(t, errors.Join(errs...))
	want := append(slices.Repeat([]int{1}, maxWriteTransactions), 2*ofEach-maxWriteTransactions)
	if slices.Sort(sizes); !slices.Equal(sizes, want) {
		t.Errorf("transactions of %v writes, want %v", sizes, want)
	}
	for i := range byte(ofEach) {
		if g, err := s.Grant(t.Context(), oauth.GrantID{i}); err != nil || !g.RotatedAt.Equal(later) {
			t.Errorf("grant %d was last used at %s, %v", i, g.RotatedAt, err)
		}
	}
}

// TestTouchGrant_DoesNotWaitForALock: a touch of a grant that another
// transaction has locked changes nothing and does not delay other writes. The
// next touch changes the grant.
func TestTouchGrant_DoesNotWaitForALock(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	later := then.Add(time.Minute)
	usedAt := func() time.Time {
		t.Helper()
		g, err := s.Grant(t.Context(), oauth.GrantID{1})
		must(t, err)
		return g.RotatedAt
	}

	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `UPDATE grants SET device_label = 'phone'`)
	must(t, err)
	must(t, s.TouchGrant(t.Context(), oauth.GrantID{1}, later)) // A wait would last as long as the lock.
	if at := usedAt(); !at.Equal(then) {
		t.Errorf("last used at %s while the row is locked, want %s", at, then)
	}
	must(t, holder.tx.Rollback(t.Context()))
	must(t, s.TouchGrant(t.Context(), oauth.GrantID{1}, later))
	if at := usedAt(); !at.Equal(later) {
		t.Errorf("last used at %s, want %s", at, later)
	}
}
