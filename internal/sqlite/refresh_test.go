package sqlite

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/storetest"
)

// refreshTogether decides attempts in one transaction and returns their
// results.
func refreshTogether(s *Store, attempts []grant.RefreshAttempt) ([]grant.RefreshResult, error) {
	results := make([]grant.RefreshResult, len(attempts))
	requests := make([]*writeRequest, len(attempts))
	for i, a := range attempts {
		requests[i] = s.refreshRequest(a, &results[i])
	}
	for _, answer := range s.commit(requests) {
		if answer.Err != nil {
			return nil, answer.Err
		}
	}
	return results, nil
}

// refresh decides one attempt.
func refresh(t *testing.T, s *Store, a grant.RefreshAttempt) grant.Outcome {
	t.Helper()
	result, err := s.RefreshGrant(t.Context(), a)
	must(t, err)
	return result.Outcome
}

func TestRefresh_OneTransactionHoldsEveryOutcome(t *testing.T) {
	s := open(t, newFile(t))
	storetest.RefreshEveryOutcome(t, s, func(attempts []grant.RefreshAttempt) ([]grant.RefreshResult, error) {
		return refreshTogether(s, attempts)
	})
}

// TestRefresh_DeadlineIsComparedWithTheClock: an attempt is late if its
// deadline passes while it waits for the transaction.
func TestRefresh_DeadlineIsComparedWithTheClock(t *testing.T) {
	now := then
	s, err := Open(t.Context(), newFile(t), Options{Now: func() time.Time { return now }})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	must(t, s.CreateUser(t.Context(), ann))
	g := grant.Grant{
		ID: oauth.GrantID{1}, UserID: ann.ID, RotatedAt: then, IdleLifetime: time.Hour, ExpiresAt: then.Add(time.Hour),
		CreatedAt: then,
	}
	must(t, create(t.Context(), s, g))
	for _, c := range []struct {
		now  time.Time
		want grant.Outcome
	}{{then.Add(time.Second), grant.Late}, {then.Add(time.Second - time.Microsecond), grant.Rotated}} {
		now = c.now
		a := grant.RefreshAttempt{Grant: g.ID, ReceivedAt: then, Deadline: then.Add(time.Second)}
		if outcome := refresh(t, s, a); outcome != c.want {
			t.Errorf("%s at %v, want %s", outcome, now, c.want)
		}
	}
}

// TestRefresh_ReadsOneTable: a refresh needs no table but that of the grants.
// The first write prepares statements of other writes, too.
func TestRefresh_ReadsOneTable(t *testing.T) {
	s := open(t, newFile(t))
	refresh(t, s, grant.RefreshAttempt{})
	for _, drop := range []query{
		`DROP TABLE users`, `DROP TABLE clients`, `DROP TABLE audiences`, `DROP TABLE keys`, `DROP TABLE keks`,
		`DROP TABLE versions`,
	} {
		exec(t, s.writeDB, drop)
	}
	if outcome := refresh(t, s, grant.RefreshAttempt{}); outcome != grant.Missing {
		t.Errorf("%s, want missing", outcome)
	}
}
