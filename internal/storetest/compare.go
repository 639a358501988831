package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// Compare runs random operations on a store of each place, the same with the same times, and fails if their answers differ.
func Compare(t *testing.T, one, other Place) {
	rapid.Check(t, func(rt *rapid.T) {
		p := &pair{t: rt, ctx: t.Context(), stores: [2]Store{open(t, one(t)), open(t, other(t))}}
		defer p.close()
		for _, name := range []string{"ann", "Bob"} {
			p.change("CreateUser", func(s Store) error { return s.CreateUser(p.ctx, aUser(name)) })
		}
		for id := range byte(12) {
			p.createGrantOf(oauth.GrantID{id + 1})
		}
		rt.Repeat(p.actions())
		p.t = rt
		p.everything()
	})
}

// A pair is two stores that are asked the same.
type pair struct {
	t      *rapid.T
	ctx    context.Context
	stores [2]Store
}

// same asks both stores and fails if their answers differ. An error is compared by its category, and one that is no answer
// is a failure in itself.
func (p *pair) same(what string, ask func(Store) (any, error)) {
	var answers [2]any
	var said [2]string
	for i, s := range p.stores {
		answer, err := ask(s)
		var code oauth.Code
		switch {
		case err == nil:
			answers[i] = answer
		case errors.As(err, &code):
			said[i] = string(code)
		case errors.Is(err, keys.ErrRaced):
			said[i] = "raced"
		default:
			p.t.Fatalf("%s: %T: %v", what, s, err)
		}
	}
	if diff := cmp.Diff(answers[0], answers[1], cmpopts.EquateEmpty()); diff != "" || said[0] != said[1] {
		p.t.Fatalf("%s: the one says %q, the other %q (-one +other):\n%s", what, said[0], said[1], diff)
	}
}

// change does it for what has no answer but an error.
func (p *pair) change(what string, do func(Store) error) {
	p.same(what, func(s Store) (any, error) { return nil, do(s) })
}

func (p *pair) close() {
	for _, s := range p.stores {
		if err := s.Close(); err != nil {
			p.t.Error(err)
		}
	}
}

// The values are few, so that the operations meet.

func (p *pair) name() string {
	return rapid.SampledFrom([]string{"ann", "Bob", "çelik"}).Draw(p.t, "name")
}

func (p *pair) client() string {
	return rapid.SampledFrom([]string{"app", "Web", "cli"}).Draw(p.t, "client")
}

func (p *pair) clientOrAny() string {
	return rapid.SampledFrom([]string{"", p.client()}).Draw(p.t, "whose")
}

func (p *pair) grantID() oauth.GrantID {
	return oauth.GrantID{rapid.ByteRange(1, 16).Draw(p.t, "grant")}
}

func (p *pair) limit() int { return rapid.IntRange(0, 4).Draw(p.t, "limit") }

// moment returns a time that is, or just misses, the leeway or the lifetimes of grant after since.
func (p *pair) moment(since time.Time) time.Time {
	near := rapid.SampledFrom([]time.Duration{0, 10 * time.Second, time.Minute}).Draw(p.t, "near")
	off := rapid.SampledFrom([]time.Duration{-time.Second, -time.Microsecond, 0, time.Nanosecond, time.Microsecond, time.Second}).Draw(p.t, "off")
	return since.Add(near + off)
}

// mostly returns usual seven times of eight, and else what other draws.
func mostly[T any](p *pair, usual T, other func() T) T {
	if rapid.IntRange(0, 7).Draw(p.t, "usual") > 0 {
		return usual
	}
	return other()
}

// key returns an idempotency key's hash, or none.
func (p *pair) key() []byte {
	return rapid.SampledFrom([][]byte{nil, []byte("one"), []byte("two")}).Draw(p.t, "key")
}

// grant returns one to create, and the epoch to create it at.
func (p *pair) grant(id oauth.GrantID) (grant.Grant, int64) {
	g := aGrant(0, "usr_"+mostly(p, "ann", p.name))
	g.ID, g.ClientID, g.KeyHash = id, p.client(), p.key()
	g.Generation = rapid.Uint32Range(0, 3).Draw(p.t, "generation")
	g.RotatedAt = p.moment(start)
	g.IdleLifetime = mostly(p, time.Hour, func() time.Duration { return time.Minute + time.Millisecond })
	g.ExpiresAt = mostly(p, g.ExpiresAt, func() time.Time { return p.moment(start) })
	g.Claims = mostly(p, nil, func() map[string]any { return map[string]any{"roles": []any{"a", "b"}, "level": 2.5} })
	u, _ := p.stores[0].UserByID(p.ctx, g.UserID)
	return g, mostly(p, u.Epoch, func() int64 { return u.Epoch + 1 })
}

// batch returns tokens of different grants, most of which live: most of them right, or almost. The deadlines are so far away that it does not
// matter whose clock judges them.
func (p *pair) batch() []grant.RefreshAttempt {
	ids := rapid.SliceOfNDistinct(rapid.ByteRange(1, 16), 0, 10, rapid.ID).Draw(p.t, "grants")
	var batch []grant.RefreshAttempt
	for _, id := range ids {
		g, err := p.stores[0].Grant(p.ctx, oauth.GrantID{id})
		if dead := err != nil || !g.RevokedAt.IsZero(); dead && mostly(p, true, func() bool { return false }) {
			continue
		}
		batch = append(batch, grant.RefreshAttempt{
			Grant: oauth.GrantID{id}, ClientID: mostly(p, g.ClientID, p.client),
			Generation: uint32(max(0, int64(g.Generation)+rapid.SampledFrom([]int64{0, 0, 0, -1, -1, -1, -1, 1, -2}).Draw(p.t, "step"))),
			KeyHash:    rapid.SampledFrom([][]byte{g.KeyHash, nil, []byte("one"), []byte("two")}).Draw(p.t, "key"),
			MACKey:     fmt.Sprint("mac ", rapid.IntRange(0, 1).Draw(p.t, "mac")), ReceivedAt: p.moment(g.RotatedAt),
			Leeway:   rapid.SampledFrom([]time.Duration{0, time.Nanosecond, 10 * time.Second, time.Minute}).Draw(p.t, "leeway"),
			Deadline: time.Now().Add(mostly(p, time.Hour, func() time.Duration { return -time.Hour })),
		})
	}
	return batch
}

func (p *pair) ring() keys.Ring {
	r := keys.Ring{Restored: rapid.Int64Range(0, 2).Draw(p.t, "restored")}
	for _, id := range rapid.SliceOfNDistinct(rapid.ByteRange('a', 'e'), 0, 4, rapid.ID).Draw(p.t, "keys") {
		k := keys.Key{ID: string(id), Algorithm: keys.ES256, Sealed: p.key(), CreatedAt: p.moment(start), ActivateAt: p.moment(start)}
		if rapid.Bool().Draw(p.t, "spare") {
			k.ActivateAt = time.Time{}
		}
		r.Keys = append(r.Keys, k)
		r.KEKs = append(r.KEKs, keys.KEK{ID: string(id), Check: []byte{id}, CreatedAt: p.moment(start)})
	}
	return r
}
