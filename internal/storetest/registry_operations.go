package storetest

import (
	"slices"
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

// changeDirectory changes up to two clients and an audience together. At times
// the version is an old one.
func (p registryOperations) changeDirectory() {
	ids, disabledAt := slices.Compact([]string{p.client(), p.client()}), p.disabledAt()
	remove, raced := rapid.Bool().Draw(p.t, "remove"), rapid.IntRange(0, 3).Draw(p.t, "raced") == 0
	p.change("ChangeDirectory", func(s Store) error {
		d, err := s.Directory(p.ctx)
		if err != nil {
			return err
		}
		changes := client.Changes{Version: d.Version}
		if raced {
			changes.Version--
		}
		for _, id := range ids {
			change := changeOf(id, d.Client, remove, func(c client.Client) client.Client {
				c.ID, c.CreatedAt, c.DisabledAt = id, start, disabledAt
				return c
			})
			changes.Clients = append(changes.Clients, change...)
		}
		changes.Audiences = changeOf(ids[0], d.Audience, remove, func(a client.Audience) client.Audience {
			a.ID, a.CreatedAt, a.DisabledAt = ids[0], start, disabledAt
			return a
		})
		return s.ChangeDirectory(p.ctx, changes, operator)
	})
}

// changeOf returns the change of a record: it is removed, or becomes what edit
// returns. There is no change if a record to remove does not exist.
func changeOf[T client.Client | client.Audience](
	id string, find func(string) (T, bool), remove bool, edit func(T) T,
) []client.Change[T] {
	old, exists := find(id)
	switch {
	case exists && remove:
		return []client.Change[T]{deleted(old)}
	case exists:
		return []client.Change[T]{updated(old, edit(old))}
	case remove:
		return nil
	}
	return []client.Change[T]{created(edit(old))}
}

// disabledAt returns the time of a record that is disabled, or the zero time.
func (p registryOperations) disabledAt() time.Time {
	if rapid.Bool().Draw(p.t, "disabled") {
		return start
	}
	return time.Time{}
}
