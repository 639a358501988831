package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
)

var revocationWriterCases = []singleCase{
	{"DirectoryChangesAreLogged", directoryChangesAreLogged},
	{"FailedDirectoryChangesAreNotLogged", failedChangesAreNotLogged},
	{"CompromisedKeysAreLogged", compromisedKeysAreLogged},
}

// disableClient sets DisabledAt of a client.
func disableClient(c *client.Client) error {
	c.DisabledAt = start
	return nil
}

// disableAudience sets DisabledAt of an audience.
func disableAudience(a *client.Audience) error {
	a.DisabledAt = start
	return nil
}

// logs fails the test if change does not write exactly these entries, with the
// time of the change.
func logs(t *testing.T, s Store, change func() error, want ...grant.Revocation) {
	t.Helper()
	before, err := s.Revocations(t.Context(), 0, 10_000)
	must(t, err)
	must(t, change())
	after, err := s.Revocations(t.Context(), 0, 10_000)
	must(t, err)

	written := after.Entries[len(before.Entries):]
	got := make([]grant.Revocation, len(written))
	for i, e := range written {
		got[i] = grant.Revocation{Kind: e.Kind, Hash: e.Entry.Hash}
		if i < len(want) {
			got[i].Lag = want[i].Lag
		}
		moment := time.UnixMicro(e.Entry.Before).Add(-got[i].Lag)
		if moment.Before(before.ReadAt) || moment.After(after.ReadAt) {
			t.Errorf("an entry has the moment %v, want one from %v to %v", moment, before.ReadAt, after.ReadAt)
		}
	}
	equal(t, got, want)
}

// directoryChangesAreLogged: a client or audience that is disabled or deleted
// is written into the log, once. A server may mint tokens for it for a few
// seconds more.
func directoryChangesAreLogged(t *testing.T, s Store) {
	ctx := t.Context()
	clientEntry := grant.Revocation{
		Kind: revocation.Client, Hash: revocation.Client.Hash("id"), Lag: 6 * time.Second,
	}
	audienceEntry := grant.Revocation{
		Kind: revocation.Audience, Hash: revocation.Audience.Hash("id"), Lag: 6 * time.Second,
	}
	updateClient := func(edit func(*client.Client) error) func() error {
		return func() error { return s.UpdateClient(ctx, "id", edit) }
	}
	updateAudience := func(edit func(*client.Audience) error) func() error {
		return func() error { return s.UpdateAudience(ctx, "id", edit) }
	}
	for range 2 {
		logs(t, s, func() error { return s.CreateClient(ctx, aClient("id")) })
		logs(t, s, updateClient(func(c *client.Client) error { c.Name = "new"; return nil }))
		logs(t, s, updateClient(disableClient), clientEntry)
		logs(t, s, updateClient(disableClient))
		logs(t, s, updateClient(func(c *client.Client) error { c.DisabledAt = start.Add(1); return nil }))
		logs(t, s, updateClient(func(c *client.Client) error { c.DisabledAt = time.Time{}; return nil }))
		logs(t, s, updateClient(disableClient), clientEntry)
		logs(t, s, func() error { return s.DeleteClient(ctx, "id", operator) }, clientEntry)

		logs(t, s, func() error { return s.CreateAudience(ctx, client.Audience{ID: "id", CreatedAt: start}) })
		logs(t, s, updateAudience(func(a *client.Audience) error { a.Lifetime = time.Minute; return nil }))
		logs(t, s, updateAudience(disableAudience), audienceEntry)
		logs(t, s, updateAudience(disableAudience))
		logs(t, s, updateAudience(func(a *client.Audience) error { a.DisabledAt = time.Time{}; return nil }))
		logs(t, s, func() error { return s.DeleteAudience(ctx, "id") }, audienceEntry)
	}
}

// failedChangesAreNotLogged: a change that fails writes nothing.
func failedChangesAreNotLogged(t *testing.T, s Store) {
	must(t, s.CreateClient(t.Context(), aClient("id")))
	failed := errors.New("the edit failed")
	logs(t, s, func() error {
		err := s.UpdateClient(t.Context(), "id", func(c *client.Client) error {
			return errors.Join(disableClient(c), failed)
		})
		if !errors.Is(err, failed) {
			t.Errorf("error %v, want that of the edit", err)
		}
		rejected(t, s.DeleteClient(t.Context(), "other", operator), oauth.NotFound)
		rejected(t, s.DeleteAudience(t.Context(), "other"), oauth.NotFound)
		return nil
	})
	logs(t, s, func() error {
		err := s.SwapRing(t.Context(), 7, aRing(), []string{"first"})
		if !errors.Is(err, keys.ErrRaced) {
			t.Errorf("error %v, want ErrRaced", err)
		}
		return nil
	})
}

func compromisedKeysAreLogged(t *testing.T, s Store) {
	logs(t, s, func() error { return s.SwapRing(t.Context(), 0, aRing(), nil) })
	logs(t, s, func() error { return s.SwapRing(t.Context(), 1, aRing(), []string{"first", "spare"}) },
		grant.Revocation{Kind: revocation.Key, Hash: revocation.Key.Hash("first")},
		grant.Revocation{Kind: revocation.Key, Hash: revocation.Key.Hash("spare")})
}

// revocationsOfAllWriters: changes of clients, audiences and the key ring run
// beside each other and beside endings of users and grants. None of them fails,
// and a reader sees the number of each entry, without a gap.
func revocationsOfAllWriters(t *testing.T, servers [2]Store) {
	const each, kinds = 6, 6
	ctx := t.Context()
	for i := range each {
		id := fmt.Sprint(i)
		must(t, servers[0].CreateClient(ctx, aClient(id)))
		must(t, servers[0].CreateAudience(ctx, client.Audience{ID: id, CreatedAt: start}))
		g := aGrant(byte(i+1), "usr_"+id)
		g.ClientID = id
		withGrant(t, servers[0], g)
	}

	var reader sync.WaitGroup
	var seen []grant.LoggedRevocation
	var readErr error
	done := make(chan struct{})
	reader.Go(func() { seen, readErr = followLog(ctx, servers[1], done) })

	errs := make([]error, each*kinds)
	atOnce(servers, each*kinds, func(i int, s Store) {
		n := i / kinds
		id := fmt.Sprint(n)
		switch i % kinds {
		case 0:
			errs[i] = s.UpdateClient(ctx, id, disableClient)
		case 1:
			errs[i] = errors.Join(s.UpdateAudience(ctx, id, disableAudience), s.DeleteAudience(ctx, id))
		case 2:
			errs[i] = swapUntilDone(ctx, s, id)
		case 3:
			errs[i] = ended(s.DisableUser(ctx, id, operator))
		case 4:
			_, _, err := s.RevokeGrant(ctx, oauth.GrantID{byte(n + 1)}, "", "test", start)
			errs[i] = err
		case 5:
			_, err := s.AddRevocations(ctx, []grant.Revocation{aRevocation(revocation.Token, id)})
			errs[i] = err
		}
	})
	close(done)
	reader.Wait()
	must(t, errors.Join(append(errs, readErr)...))

	count := map[revocation.Kind]int{}
	for i, e := range seen {
		if e.Seq != int64(i+1) {
			t.Fatalf("entry %d has the number %d", i, e.Seq)
		}
		count[e.Kind]++
	}
	for kind, want := range map[revocation.Kind]int{
		revocation.Client: each, revocation.Audience: 2 * each, revocation.Key: each, revocation.Token: each,
	} {
		if count[kind] != want {
			t.Errorf("%d entries of kind %d, want %d", count[kind], kind, want)
		}
	}
	equal(t, numbersOf(readLog(t, servers[0])), numbersOf(seen))
}

// swapUntilDone marks a key as compromised, also if other servers change the
// ring.
func swapUntilDone(ctx context.Context, s Store, id string) error {
	for {
		ring, err := s.Ring(ctx)
		if err != nil {
			return err
		}
		ring.Keys = append(ring.Keys, keys.Key{ID: id, Algorithm: keys.EdDSA, CreatedAt: start, CompromisedAt: start})
		if err = s.SwapRing(ctx, ring.Version, ring, []string{id}); !errors.Is(err, keys.ErrRaced) {
			return err
		}
	}
}
