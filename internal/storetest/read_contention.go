package storetest

import (
	"fmt"
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
)

// readsAreNotOlderThanTheirRequest revokes grants on one server while many
// goroutines read grants, so that reads share statements. A read that begins
// after a revocation was acknowledged returns the grant as revoked, on both
// servers, and each read returns its own grant.
func readsAreNotOlderThanTheirRequest(t *testing.T, servers [2]Store) {
	const grants, readers = 48, 8
	for i := range byte(grants) {
		withGrant(t, servers[0], aGrant(1+i, "usr_ann"))
	}
	read := func(s Store, id oauth.GrantID, revoked bool) error {
		g, err := s.Grant(t.Context(), id)
		if err == nil && (g.ID != id || revoked && g.RevokedAt.IsZero()) {
			err = fmt.Errorf("got %v, revoked at %v, after the revocation of %v", g.ID, g.RevokedAt, id)
		}
		return err
	}
	atOnce(servers, grants, func(i int, s Store) {
		id := oauth.GrantID{byte(1 + i)}
		for n := range readers {
			if err := read(s, oauth.GrantID{byte(1 + (i+n)%grants)}, false); err != nil {
				t.Error(err)
			}
		}
		if _, _, err := s.RevokeGrant(t.Context(), id, "", audit.RevokedByClient, start); err != nil {
			t.Error(err)
			return
		}
		for _, s := range servers {
			if err := read(s, id, true); err != nil {
				t.Error(err)
			}
		}
	})
}
