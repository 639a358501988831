package storetest

import (
	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// actions are all operations of a store, with random values. After each of them what is stored is compared.
func (p *pair) actions() map[string]func(*rapid.T) {
	actions := map[string]func(){
		"":            p.look,
		"change user": func() { p.oneOf(p.createUser, p.rehash, p.setClaims, p.enable) },
		"end": func() {
			p.oneOf(p.disable, p.setPassword, p.changePassword, p.deleteUser, p.revokeGrant, p.revokeGrants)
		},
		"directory": func() { p.oneOf(p.changeClient, p.changeAudience) },
		"ring":      p.swapRing,
		"create":    p.createGrant, "create another": p.createGrant, "mint": p.mintGrant,
		"refresh": p.refresh, "refresh again": p.refresh, "refresh a third time": p.refresh, "refresh a fourth time": p.refresh,
		"refresh a fifth time": p.refresh, "refresh a sixth time": p.refresh, "refresh for good": p.refresh,
	}
	all := make(map[string]func(*rapid.T), len(actions))
	for name, act := range actions {
		all[name] = func(t *rapid.T) {
			p.t = t
			act()
		}
	}
	return all
}

// oneOf runs one of some operations that are rare enough together.
func (p *pair) oneOf(acts ...func()) {
	acts[rapid.IntRange(0, len(acts)-1).Draw(p.t, "which")]()
}

func (p *pair) createUser() {
	u := aUser(p.name())
	p.change("CreateUser", func(s Store) error { return s.CreateUser(p.ctx, u) })
}

func (p *pair) rehash() {
	id, old := "usr_"+p.name(), "$argon2id$"+p.name()
	p.change("Rehash", func(s Store) error { return s.Rehash(p.ctx, id, old, old+" again") })
}

func (p *pair) disable() {
	name, now := p.name(), p.moment(start)
	p.change("DisableUser", func(s Store) error { return s.DisableUser(p.ctx, name, now) })
}

func (p *pair) enable() {
	name := p.name()
	p.change("EnableUser", func(s Store) error { return s.EnableUser(p.ctx, name) })
}

func (p *pair) setPassword() {
	name, now := p.name(), p.moment(start)
	p.change("SetPassword", func(s Store) error { return s.SetPassword(p.ctx, name, "$argon2id$"+name, now) })
}

func (p *pair) changePassword() {
	name, except, now := p.name(), p.grantID(), p.moment(start)
	old := mostly(p, "$argon2id$"+name, p.name)
	p.change("ChangePassword", func(s Store) error {
		return s.ChangePassword(p.ctx, "usr_"+name, old, "$argon2id$"+name, except, now)
	})
}

func (p *pair) setClaims() {
	name := p.name()
	claims := rapid.MapOfN(rapid.String(), rapid.Float64(), 0, 3).Draw(p.t, "claims")
	p.change("SetClaims", func(s Store) error {
		some := map[string]any{}
		for k, v := range claims {
			some[k] = v
		}
		return s.SetClaims(p.ctx, name, some)
	})
}

func (p *pair) deleteUser() {
	name, now := p.name(), p.moment(start)
	p.change("DeleteUser", func(s Store) error { return s.DeleteUser(p.ctx, name, now) })
}

// createGrant leaves out an id that is taken: a second one is an error of the caller.
func (p *pair) createGrant() { p.createGrantOf(p.grantID()) }

func (p *pair) createGrantOf(id oauth.GrantID) {
	g, epoch := p.grant(id)
	if _, err := p.stores[0].Grant(p.ctx, g.ID); err == nil {
		return
	}
	p.change("CreateGrant", func(s Store) error { return s.CreateGrant(p.ctx, g, epoch) })
}

func (p *pair) mintGrant() {
	g, _ := p.grant(p.grantID())
	if _, err := p.stores[0].Grant(p.ctx, g.ID); err == nil {
		return
	}
	p.change("MintGrant", func(s Store) error { return s.MintGrant(p.ctx, g) })
}

func (p *pair) refresh() {
	batch := p.batch()
	p.same("RefreshGrants", func(s Store) (any, error) {
		verdicts, err := s.RefreshGrants(p.ctx, batch)
		for i, v := range verdicts {
			if v.Outcome == grant.Late {
				verdicts[i].Grant = grant.Grant{ID: v.Grant.ID} // which is all that is promised
			}
		}
		return verdicts, err
	})
}

func (p *pair) revokeGrant() {
	id, now := p.grantID(), p.moment(start)
	clientID := p.clientOrAny()
	p.same("RevokeGrant", func(s Store) (any, error) {
		g, changed, err := s.RevokeGrant(p.ctx, id, clientID, audit.RevokedByClient, now)
		return []any{g, changed}, err
	})
}

func (p *pair) revokeGrants() {
	userID, clientID, except, now := "usr_"+p.name(), p.clientOrAny(), p.grantID(), p.moment(start)
	p.same("RevokeGrants", func(s Store) (any, error) {
		return s.RevokeGrants(p.ctx, userID, clientID, except, audit.RevokedByAdmin, now)
	})
}

func (p *pair) changeClient() {
	id, now := p.client(), p.moment(start)
	switch rapid.IntRange(0, 3).Draw(p.t, "how") {
	case 0:
		p.change("CreateClient", func(s Store) error { return s.CreateClient(p.ctx, client.Client{ID: id, CreatedAt: now}) })
	case 1:
		p.change("UpdateClient", func(s Store) error {
			return s.UpdateClient(p.ctx, id, func(c *client.Client) error { c.Name += "x"; return nil })
		})
	case 2:
		p.change("UpdateClient, refused", func(s Store) error {
			return s.UpdateClient(p.ctx, id, func(c *client.Client) error { c.Name += "y"; return oauth.InvalidTarget })
		})
	case 3:
		p.change("DeleteClient", func(s Store) error { return s.DeleteClient(p.ctx, id, now) })
	}
}

func (p *pair) changeAudience() {
	id, now := p.client(), p.moment(start)
	switch rapid.IntRange(0, 2).Draw(p.t, "how") {
	case 0:
		p.change("CreateAudience", func(s Store) error { return s.CreateAudience(p.ctx, client.Audience{ID: id, CreatedAt: now}) })
	case 1:
		p.change("UpdateAudience", func(s Store) error {
			return s.UpdateAudience(p.ctx, id, func(a *client.Audience) error { a.Lifetime++; return nil })
		})
	case 2:
		p.change("DeleteAudience", func(s Store) error { return s.DeleteAudience(p.ctx, id) })
	}
}

func (p *pair) swapRing() {
	from, next := rapid.Int64Range(0, 3).Draw(p.t, "from"), p.ring()
	p.change("SwapRing", func(s Store) error { return s.SwapRing(p.ctx, from, next) })
}

// look reads all grants, which most operations change, and something else.
func (p *pair) look() {
	for _, name := range []string{"ann", "Bob", "çelik"} {
		p.same("all Grants", func(s Store) (any, error) {
			return s.Grants(p.ctx, grant.Filter{Subject: "usr_" + name, Limit: 100})
		})
	}
	name, id, limit := p.name(), p.grantID(), p.limit()
	p.oneOf(
		func() { p.same("User", func(s Store) (any, error) { return s.User(p.ctx, name) }) },
		func() { p.same("UserByID", func(s Store) (any, error) { return s.UserByID(p.ctx, "usr_"+name) }) },
		func() { p.same("Users", func(s Store) (any, error) { return s.Users(p.ctx, name, limit) }) },
		func() { p.same("Grant", func(s Store) (any, error) { return s.Grant(p.ctx, id) }) },
		p.lookAtGrants,
		p.lookAtVersions,
	)
}

func (p *pair) lookAtGrants() {
	f := grant.Filter{Subject: "usr_" + p.name(), ClientID: p.clientOrAny(), After: p.grantID(), Limit: p.limit()}
	if rapid.Bool().Draw(p.t, "unended") {
		f.NotEndedAt = p.moment(start)
	}
	p.same("Grants", func(s Store) (any, error) { return s.Grants(p.ctx, f) })
}

// everything reads all that is stored.
func (p *pair) everything() {
	p.look()
	p.same("all Users", func(s Store) (any, error) { return s.Users(p.ctx, "", 100) })
	p.same("Directory", func(s Store) (any, error) { return s.Directory(p.ctx) })
	p.same("Ring", func(s Store) (any, error) { return s.Ring(p.ctx) })
	p.lookAtVersions()
}

func (p *pair) lookAtVersions() {
	p.same("DirectoryVersion", func(s Store) (any, error) {
		version, _, err := s.DirectoryVersion(p.ctx)
		return version, err
	})
	p.same("RingVersion", func(s Store) (any, error) {
		v, err := s.RingVersion(p.ctx)
		return keys.Version{Version: v.Version, Restored: v.Restored}, err
	})
}
