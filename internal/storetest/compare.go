package storetest

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/oauth"
)

// Compare runs the same random operations on a store of each place. It fails if
// their answers differ.
func Compare(t *testing.T, one, other Place) {
	rapid.Check(t, func(rt *rapid.T) {
		p := &pair{t: rt, ctx: t.Context(), stores: [2]Store{open(t, one(t)), open(t, other(t))}}
		defer p.close()
		for _, name := range []string{"ann", "Bob"} {
			p.change("CreateUser", func(s Store) error { return s.CreateUser(p.ctx, aUser(name)) })
		}
		for id := range byte(12) {
			grantOperations{p}.createGrantOf(oauth.GrantID{id + 1})
		}
		rt.Repeat(p.operations())
		p.t = rt
		p.readAll()
	})
}
