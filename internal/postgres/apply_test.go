package postgres

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

// revokeAt revokes the grants of ann at one client.
func revokeAt(t *testing.T, s *Store, clientID string) grant.Ended {
	t.Helper()
	e, err := s.RevokeGrants(t.Context(), grant.Ending{
		Subject: ann.ID, ClientID: clientID, Reason: audit.RevokedByClient, Actor: "app",
	})
	must(t, err)
	return e
}

// TestApplyEndings_ServersShareTheWork: a worker does not wait for the endings
// of another worker, and does not work on them.
func TestApplyEndings_ServersShareTheWork(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	revokeAt(t, s, "app")
	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `SELECT FROM endings FOR UPDATE`)
	must(t, err)
	revokeAt(t, s, "other")
	applied, err := s.ApplyEndings(t.Context(), 10, time.Hour)
	must(t, holder.tx.Rollback(t.Context()))
	must(t, err)
	if want := (grant.AppliedEndings{Examined: 1, Continued: 1}); applied != want {
		t.Errorf("%+v, want %+v", applied, want)
	}
}

// TestApplyEndings_FirstEndingCounts: if two endings concern a grant, the
// worker writes the first, as the store has returned it before. It does so also
// if the plan of the statement does not follow the order of the endings.
func TestApplyEndings_FirstEndingCounts(t *testing.T) {
	s := open(t, pgtest.New(t)+"&enable_seqscan=on&enable_nestloop=off&enable_mergejoin=off", Options{})
	must(t, s.CreateUser(t.Context(), ann))
	const grants = 20
	for i := range byte(grants) {
		must(t, create(t.Context(), s, aGrant(i+1)))
	}
	exec(t, s, `INSERT INTO grants SELECT (g).* FROM (
			SELECT jsonb_populate_record(g, jsonb_build_object('id', gen_random_uuid(), 'user_id', 'usr_bob')) AS g
			FROM grants g CROSS JOIN generate_series(1, 100)
		) others`)
	exec(t, s, `ANALYZE`)
	first := revokeAt(t, s, "app")
	revokeAll(t, s)
	applied, err := s.ApplyEndings(t.Context(), 100, time.Hour)
	must(t, err)
	if applied.Revoked != grants || applied.Continued != 2 {
		t.Errorf("%+v, want %d grants of 2 endings", applied, grants)
	}
	for i := range byte(grants) {
		g, err := s.Grant(t.Context(), oauth.GrantID{i + 1})
		must(t, err)
		if !g.RevokedAt.Equal(first.At) || g.RevokeReason != audit.RevokedByClient {
			t.Fatalf("grant %d was revoked at %v by %s, want %v by client", i+1, g.RevokedAt, g.RevokeReason, first.At)
		}
	}
}

// TestApplyEndings_KeepsAnEarlierRevocation: the worker does not change a grant
// that was revoked after the worker has read it.
func TestApplyEndings_KeepsAnEarlierRevocation(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	revokeAll(t, s)
	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `UPDATE grants SET revoked_at = $1, revoke_reason = $2`, then, audit.RevokedByReuse)
	must(t, err)
	type result struct {
		grant.AppliedEndings
		err error
	}
	done := make(chan result, 1)
	go func() {
		applied, err := s.ApplyEndings(t.Context(), 10, time.Hour)
		done <- result{applied, err}
	}()
	waitForBlocked(t, s)
	must(t, holder.tx.Commit(t.Context()))
	applied := <-done
	must(t, applied.err)
	g, err := s.Grant(t.Context(), oauth.GrantID{1})
	must(t, err)
	if applied.Revoked != 0 || !g.RevokedAt.Equal(then) || g.RevokeReason != audit.RevokedByReuse {
		t.Errorf("the worker revoked %d grants, and the grant is %+v", applied.Revoked, g)
	}
}

// TestApplyEndings_GrantsCreatedAtOneTime: batches of a scan end between grants
// that were created at the same time. The worker examines each of them.
func TestApplyEndings_GrantsCreatedAtOneTime(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	const grants = 2*minExamined + 1
	for i := range byte(grants) {
		must(t, create(t.Context(), s, aGrant(i+1)))
	}
	exec(t, s, `UPDATE grants SET created_at = $1`, then)
	revokeAll(t, s)
	revoked := 0
	for range 3 {
		applied, err := s.ApplyEndings(t.Context(), minExamined, time.Hour)
		must(t, err)
		revoked += applied.Revoked
	}
	if revoked != grants {
		t.Errorf("%d grants were revoked, want %d", revoked, grants)
	}
}

// TestCountOfLiveGrants_IsBounded: an act and a login examine a limited number
// of the newest grants.
func TestCountOfLiveGrants_IsBounded(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	must(t, create(t.Context(), s, aGrant(2)))
	exec(t, s, `INSERT INTO grants SELECT (g).* FROM (
			SELECT jsonb_populate_record(g, jsonb_build_object('id', gen_random_uuid(), 'client_id', 'other')) AS g
			FROM grants g CROSS JOIN generate_series(1, $1) WHERE g.id = $2
		) others`, grant.MaxCountExamined, [16]byte(oauth.GrantID{2}))
	exec(t, s, `UPDATE grants SET created_at = clock_timestamp() WHERE client_id = 'other'`)

	created, err := s.CreateGrant(t.Context(), aGrant(3), 0, 100)
	must(t, err)
	revoked, err := s.RevokeOldest(t.Context(), ann.ID, "app", oauth.GrantID{3}, 1, audit.RevokedByLimit)
	must(t, err)
	if e := revokeAt(t, s, "app"); created.Live != 1 || len(revoked) != 0 || e.Live != 1 {
		t.Errorf("a login counted %d grants, %d were revoked, an act counted %d; want 1, 0, 1",
			created.Live, len(revoked), e.Live)
	}
}
