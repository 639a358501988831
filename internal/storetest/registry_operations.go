package storetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// registryOperations are the operations on clients and audiences.
type registryOperations struct{ *pair }

func (p registryOperations) changeClient() {
	id, now, disabledAt := p.client(), p.moment(start), p.disabledAt()
	switch rapid.IntRange(0, 4).Draw(p.t, "how") {
	case 0:
		p.change("CreateClient", func(s Store) error {
			return s.CreateClient(p.ctx, client.Client{ID: id, CreatedAt: now})
		})
	case 1:
		p.change("UpdateClient", func(s Store) error {
			return s.UpdateClient(p.ctx, id, func(c *client.Client) error { c.Name += "x"; return nil })
		})
	case 2:
		p.change("UpdateClient, failed edit", func(s Store) error {
			return s.UpdateClient(p.ctx, id, func(c *client.Client) error { c.Name += "y"; return oauth.InvalidTarget })
		})
	case 3:
		p.change("DeleteClient", func(s Store) error { return s.DeleteClient(p.ctx, id, operator) })
	case 4:
		p.change("UpdateClient, disable or enable", func(s Store) error {
			return s.UpdateClient(p.ctx, id, func(c *client.Client) error { c.DisabledAt = disabledAt; return nil })
		})
	}
}

func (p registryOperations) changeAudience() {
	id, now, disabledAt := p.client(), p.moment(start), p.disabledAt()
	switch rapid.IntRange(0, 3).Draw(p.t, "how") {
	case 0:
		p.change("CreateAudience", func(s Store) error {
			return s.CreateAudience(p.ctx, client.Audience{ID: id, CreatedAt: now})
		})
	case 1:
		p.change("UpdateAudience", func(s Store) error {
			return s.UpdateAudience(p.ctx, id, func(a *client.Audience) error { a.Lifetime++; return nil })
		})
	case 2:
		p.change("DeleteAudience", func(s Store) error { return s.DeleteAudience(p.ctx, id) })
	case 3:
		p.change("UpdateAudience, disable or enable", func(s Store) error {
			return s.UpdateAudience(p.ctx, id, func(a *client.Audience) error { a.DisabledAt = disabledAt; return nil })
		})
	}
}

// disabledAt returns the time of a record that is disabled, or the zero time.
func (p registryOperations) disabledAt() time.Time {
	if rapid.Bool().Draw(p.t, "disabled") {
		return start
	}
	return time.Time{}
}
