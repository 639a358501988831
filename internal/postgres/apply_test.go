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
