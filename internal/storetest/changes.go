package storetest

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
)

var changesCases = []singleCase{
	{"ChangesOfTheDirectoryAreMadeTogether", changesTogether},
	{"RacedChangesOfTheDirectoryAreNotMade", racedChanges},
	{"FailedChangesOfTheDirectoryAreNotMade", failedChanges},
	{"ClientCreatedAgainByChanges", clientCreatedAgainByChanges},
}

// created, updated and deleted return the changes of a record.
func created[T client.Client | client.Audience](record T) client.Change[T] {
	return client.Change[T]{New: &record}
}

func updated[T client.Client | client.Audience](old, record T) client.Change[T] {
	return client.Change[T]{Old: &old, New: &record}
}

func deleted[T client.Client | client.Audience](record T) client.Change[T] {
	return client.Change[T]{Old: &record}
}

func changesTogether(t *testing.T, s Store) {
	app, other, more := aClient("app"), aClient("other"), aClient("more")
	api, left := client.Audience{ID: "api", CreatedAt: start}, client.Audience{ID: "left", CreatedAt: start}
	changes := client.Changes{
		Audiences: []client.Change[client.Audience]{created(api), created(left)},
		Clients:   []client.Change[client.Client]{created(app), created(other)},
	}
	must(t, s.ChangeDirectory(t.Context(), changes, operator))
	directoryIs(t, s, client.Directory{
		Version: 1, Clients: []client.Client{app, other}, Audiences: []client.Audience{api, left},
	})
	mine, theirs := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	theirs.ClientID = "other"
	withGrant(t, s, mine)
	withGrant(t, s, theirs)

	// It logs what it disables and deletes, and nothing else.
	disabledAPI, disabledOther := api, other
	disabledAPI.DisabledAt, disabledOther.DisabledAt, disabledOther.Name = start, start, "O"
	changes = client.Changes{
		Version:   1,
		Audiences: []client.Change[client.Audience]{updated(api, disabledAPI), deleted(left)},
		Clients:   []client.Change[client.Client]{deleted(app), created(more), updated(other, disabledOther)},
	}
	logs(t, s, func() error { return s.ChangeDirectory(t.Context(), changes, operator) },
		grant.RevokedAudience("api"), grant.RevokedAudience("left"),
		grant.RevokedClient("app"), grant.RevokedClient("other"))
	directoryIs(t, s, client.Directory{
		Version: 2, Clients: []client.Client{more, disabledOther}, Audiences: []client.Audience{disabledAPI},
	})
	equal(t, stored(t, s, mine.ID).RevokeReason, audit.RevokedByDeletion)
	equal(t, stored(t, s, theirs.ID), theirs)

	// An enabled record, or one that stays disabled, has no entry.
	renamed, enabledAPI := disabledOther, api
	renamed.Name = "P"
	changes = client.Changes{
		Version:   2,
		Audiences: []client.Change[client.Audience]{updated(disabledAPI, enabledAPI)},
		Clients:   []client.Change[client.Client]{updated(disabledOther, renamed)},
	}
	logs(t, s, func() error { return s.ChangeDirectory(t.Context(), changes, operator) })
	directoryIs(t, s, client.Directory{
		Version: 3, Clients: []client.Client{more, renamed}, Audiences: []client.Audience{enabledAPI},
	})
}

func racedChanges(t *testing.T, s Store) {
	app := aClient("app")
	must(t, s.CreateClient(t.Context(), app))
	for _, version := range []int64{0, 2} {
		err := s.ChangeDirectory(t.Context(), client.Changes{
			Version: version,
			Clients: []client.Change[client.Client]{created(aClient("new")), deleted(app)},
		}, operator)
		if !errors.Is(err, client.ErrRaced) {
			t.Errorf("error %v, want %v", err, client.ErrRaced)
		}
	}
	directoryIs(t, s, client.Directory{Version: 1, Clients: []client.Client{app}})
	equal(t, len(readLog(t, s)), 0)
}

// failedChanges: a change that cannot be made undoes those before it.
func failedChanges(t *testing.T, s Store) {
	app := aClient("app")
	must(t, s.CreateClient(t.Context(), app))
	err := s.ChangeDirectory(t.Context(), client.Changes{
		Version: 1,
		Clients: []client.Change[client.Client]{created(aClient("new")), created(app)},
	}, operator)
	if err == nil {
		t.Error("a client was created twice")
	}
	directoryIs(t, s, client.Directory{Version: 1, Clients: []client.Client{app}})
}

// clientCreatedAgainByChanges: the grants of a deleted client stay revoked, and
// those of the client that is created with its id are live.
func clientCreatedAgainByChanges(t *testing.T, s Store) {
	u, app := withUser(t, s, "ann"), aClient("app")
	must(t, s.CreateClient(t.Context(), app))
	must(t, createGrant(t.Context(), s, aGrant(1, u.ID), u.Epoch))
	for version, changes := range []client.Change[client.Client]{deleted(app), created(app)} {
		must(t, s.ChangeDirectory(t.Context(), client.Changes{
			Version: 1 + int64(version), Clients: []client.Change[client.Client]{changes},
		}, operator))
	}
	must(t, createGrant(t.Context(), s, aGrant(2, u.ID), u.Epoch))
	equal(t, stored(t, s, aGrant(1, u.ID).ID).RevokeReason, audit.RevokedByDeletion)
	equal(t, stored(t, s, aGrant(2, u.ID).ID), aGrant(2, u.ID))
}

// concurrentChanges changes the same records in different orders, together and
// alone. Changes together are made completely or not at all, and none waits
// forever for another one.
func concurrentChanges(t *testing.T, servers [2]Store) {
	const calls, ofEach = 12, 8
	must(t, servers[0].CreateClient(t.Context(), aClient("a")))
	must(t, servers[0].CreateClient(t.Context(), aClient("b")))
	var made atomic.Int64
	atOnce(servers, calls, func(n int, s Store) {
		for range ofEach {
			err := error(nil)
			if id := []string{"", "a", "b"}[n%3]; id != "" {
				err = s.UpdateClient(t.Context(), id, func(c *client.Client) error { c.Name += "x"; return nil })
			} else if err = renameBoth(t, s, n); err == nil {
				made.Add(1)
			}
			if err != nil && !errors.Is(err, client.ErrRaced) {
				t.Error(err)
			}
		}
	})

	d, err := servers[1].Directory(t.Context())
	must(t, err)
	want := int(made.Load())
	equal(t, len(d.Clients), 2)
	for _, c := range d.Clients {
		equal(t, len(c.Name), calls*ofEach/3+want)
	}
	equal(t, d.Version, 2+2*calls*ofEach/3+int64(want))
}

// renameBoth adds a letter to the names of two clients, beginning with the n-th
// one.
func renameBoth(t *testing.T, s Store, n int) error {
	d, err := s.Directory(t.Context())
	if err != nil {
		return err
	}
	changes := client.Changes{Version: d.Version}
	for i := range 2 {
		old := d.Clients[(i+n)%2]
		next := old
		next.Name += "x"
		changes.Clients = append(changes.Clients, updated(old, next))
	}
	return s.ChangeDirectory(t.Context(), changes, operator)
}
