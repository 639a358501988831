package admin

import (
	"context"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// Grants returns a page of at most limit grants of the user, the newest first.
// It includes revoked and expired grants.
func (a *Accounts) Grants(ctx context.Context, name string, after grant.Position, limit int) (grant.Page, error) {
	u, err := a.User(ctx, name)
	if err != nil {
		return grant.Page{}, err
	}
	p, err := a.store.Grants(ctx, grant.Filter{Subject: u.ID, After: after, Limit: limit})
	return p, oauth.FromStore(err)
}

// Grant returns the grant of that id. It returns not_found if the user has
// none.
func (a *Accounts) Grant(ctx context.Context, name string, id oauth.GrantID) (grant.Grant, error) {
	u, err := a.User(ctx, name)
	if err != nil {
		return grant.Grant{}, err
	}
	g, err := a.store.Grant(ctx, id)
	if err == nil && g.UserID != u.ID {
		return grant.Grant{}, oauth.NotFound
	}
	return g, oauth.FromStore(err)
}

// RevokeGrants revokes all grants of the user. It returns how many live grants
// it revoked, counted to at most grant.MaxCounted.
func (a *Accounts) RevokeGrants(ctx context.Context, by audit.Actor, name string) (int, error) {
	u, err := a.User(ctx, name)
	if err != nil {
		return 0, err
	}
	ended, err := a.store.RevokeGrants(ctx, grant.Ending{Subject: u.ID, Reason: audit.RevokedByAdmin, Actor: by.Name})
	e := audit.Event{Name: audit.GrantRevoked, Subject: u.ID, Reason: audit.RevokedByAdmin}
	return ended.Live, a.events.recordEnded(ctx, by, e, ended, err)
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
	return a.events.recordIfDone(ctx, by, e, err)
}
