package admin

import (
	"context"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// Grants returns at most limit grants of the user whose ids sort after after,
// by id. It includes revoked and expired grants.
func (a *Accounts) Grants(ctx context.Context, name string, after oauth.GrantID, limit int) ([]grant.Grant, error) {
	u, err := a.User(ctx, name)
	if err != nil {
		return nil, err
	}
	grants, err := a.store.Grants(ctx, grant.Filter{Subject: u.ID, After: after, Limit: limit})
	return grants, oauth.FromStore(err)
}

// RevokeGrants revokes all grants of the user and returns how many it revoked.
func (a *Accounts) RevokeGrants(ctx context.Context, by audit.Actor, name string) (int, error) {
	u, err := a.User(ctx, name)
	if err != nil {
		return 0, err
	}
	n, err := a.store.RevokeGrants(ctx, u.ID, "", oauth.GrantID{}, audit.RevokedByAdmin, a.events.now())
	e := audit.Event{Name: audit.GrantRevoked, Subject: u.ID, Reason: audit.RevokedByAdmin, Count: n}
	return n, a.events.recordIfDone(by, e, err)
}

// RevokeGrant revokes one grant of any subject. It returns not_found if there
// is none of that id. It writes an event also if the grant was revoked before,
// because the first event may not have been written.
func (a *Accounts) RevokeGrant(ctx context.Context, by audit.Actor, id oauth.GrantID) error {
	g, changed, err := a.store.RevokeGrant(ctx, id, "", audit.RevokedByAdmin, a.events.now())
	e := audit.Event{Name: audit.GrantRevoked, Subject: g.UserID, Grant: id.String(), Reason: audit.RevokedByAdmin}
	if changed {
		e.Count = 1
	}
	return a.events.recordIfDone(by, e, err)
}
