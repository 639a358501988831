package storetest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/keys"
)

// operations returns all operations of a store, with random values. After each
// operation rapid calls the one with the empty name, which compares the records
// of the stores.
func (p *pair) operations() map[string]func(*rapid.T) {
	users, grants, registry, ring := userOperations{p}, grantOperations{p}, registryOperations{p}, keyOperations{p}
	operations := map[string]func(){
		"":            p.read,
		"change user": func() { p.oneOf(users.createUser, users.rehash, users.setClaims, users.enable) },
		"end or suspend": func() {
			p.oneOf(users.disable, users.setPassword, users.changePassword, users.deleteUser,
				grants.revokeGrant, grants.revokeGrants, grants.revokeOldest)
		},
		"apply endings": grants.applyEndings,
		"directory":     func() { p.oneOf(registry.changeClient, registry.changeAudience, registry.changeDirectory) },
		"ring":          ring.swapRing,
		"touch":         grants.touch,
		"create 1":      grants.createGrant, "create 2": grants.createGrant, "mint": grants.mintGrant,
		// All names have the same probability: half of the operations are
		// refreshes.
		"refresh 1": grants.refresh, "refresh 2": grants.refresh, "refresh 3": grants.refresh,
		"refresh 4": grants.refresh, "refresh 5": grants.refresh, "refresh 6": grants.refresh,
		"refresh 7": grants.refresh,
	}

	all := make(map[string]func(*rapid.T), len(operations))
	for name, run := range operations {
		all[name] = func(t *rapid.T) {
			p.t = t
			run()
		}
	}
	return all
}

// oneOf runs one of the operations. With a name of its own, each would be too
// frequent.
func (p *pair) oneOf(operations ...func()) {
	operations[rapid.IntRange(0, len(operations)-1).Draw(p.t, "which")]()
}

// read reads all grants, which most operations change, and another record.
func (p *pair) read() {
	for _, name := range []string{"ann", "Bob", "çelik"} {
		p.same("all Grants", func(s Store) (any, error) {
			return s.Grants(p.ctx, grant.Filter{Subject: "usr_" + name, Limit: 100})
		})
	}
	p.readLog()
	name, id, limit := p.name(), p.grantID(), p.limit()
	p.oneOf(
		func() { p.same("User", func(s Store) (any, error) { return s.User(p.ctx, name) }) },
		func() { p.same("UserByID", func(s Store) (any, error) { return s.UserByID(p.ctx, "usr_"+name) }) },
		func() { p.same("Users", func(s Store) (any, error) { return s.Users(p.ctx, name, limit) }) },
		func() { p.same("Grant", func(s Store) (any, error) { return s.Grant(p.ctx, id) }) },
		grantOperations{p}.readGrants,
		p.readVersions,
	)
}

// readAll reads everything.
func (p *pair) readAll() {
	p.read()
	p.same("all Users", func(s Store) (any, error) { return s.Users(p.ctx, "", 100) })
	p.same("Directory", func(s Store) (any, error) { return s.Directory(p.ctx) })
	p.same("Ring", func(s Store) (any, error) { return s.Ring(p.ctx) })
	p.readVersions()
}

// readLog compares the revocation log. Marks are random, and the order of the
// entries of one statement is not defined.
func (p *pair) readLog() {
	p.same("Revocations", func(s Store) (any, error) {
		page, err := s.Revocations(p.ctx, 0, 10_000)
		var entries []string
		for i, e := range page.Entries {
			if e.Seq != int64(i+1) {
				return nil, fmt.Errorf("entry %d has the number %d", i, e.Seq)
			}
			entries = append(entries, fmt.Sprintf("kind %d, hash %x", e.Kind, e.Entry.Hash))
		}
		slices.Sort(entries)
		return entries, err
	})
}

func (p *pair) readVersions() {
	p.same("DirectoryVersion", func(s Store) (any, error) {
		version, _, err := s.DirectoryVersion(p.ctx)
		return version, err
	})
	p.same("RingVersion", func(s Store) (any, error) {
		v, err := s.RingVersion(p.ctx)
		return keys.Version{Version: v.Version, Restored: v.Restored}, err
	})
}
