package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// grantOperations are the operations on grants.
type grantOperations struct{ *pair }

// createGrant creates a grant, except if the id is taken: the error for that is
// no oauth.Code.
func (p grantOperations) createGrant() { p.createGrantOf(p.grantID()) }

// createGrantOf creates a grant of that id, as createGrant does.
func (p grantOperations) createGrantOf(id oauth.GrantID) {
	g, epoch := p.grant(id)
	if _, err := p.stores[0].Grant(p.ctx, g.ID); err == nil {
		return
	}
	p.change("CreateGrant", func(s Store) error { return createGrant(p.ctx, s, g, epoch) })
}

func (p grantOperations) mintGrant() {
	g, _ := p.grant(p.grantID())
	if _, err := p.stores[0].Grant(p.ctx, g.ID); err == nil {
		return
	}
	p.change("MintGrant", func(s Store) error { return mintGrant(p.ctx, s, g) })
}

// refresh makes several attempts concurrently. Their grants differ, so the
// order does not matter.
func (p grantOperations) refresh() {
	attempts := p.attempts()
	p.same("RefreshGrant", func(s Store) (any, error) {
		results, err := refreshTogether(p.ctx, s, attempts)
		for i, r := range results {
			if r.Outcome == grant.Late {
				results[i].Grant = grant.Grant{ID: r.Grant.ID} // The other fields may be set or not.
			}
		}
		return results, err
	})
}

func (p grantOperations) touch() {
	id, at := p.grantID(), p.moment(start)
	p.change("TouchGrant", func(s Store) error { return s.TouchGrant(p.ctx, id, at) })
}

func (p grantOperations) revokeGrant() {
	id, now := p.grantID(), p.moment(start)
	clientID := p.clientOrAny()
	p.same("RevokeGrant", func(s Store) (any, error) {
		g, changed, err := s.RevokeGrant(p.ctx, id, clientID, audit.RevokedByClient, now)
		return []any{g, changed}, err
	})
}

func (p grantOperations) revokeGrants() {
	userID, clientID, except := "usr_"+p.name(), p.clientOrAny(), p.grantID()
	p.same("RevokeGrants", func(s Store) (any, error) {
		return revokeAll(p.ctx, s, userID, clientID, except, audit.RevokedByAdmin)
	})
}

// applyEndings continues with all pending endings. How many grants a call
// examines is not the same in both stores.
func (p grantOperations) applyEndings() {
	p.change("ApplyEndings", func(s Store) error {
		for range 50 {
			if done, err := s.ApplyEndings(p.ctx, 100, 0); err != nil || done.Continued == 0 {
				return err
			}
		}
		return errors.New("the endings do not end")
	})
}

// revokeOldest ends grants beyond a limit. Grants that were used at the same
// time are sorted by their creation.
func (p grantOperations) revokeOldest() {
	userID, clientID, keep, limit := "usr_"+p.name(), p.client(), p.grantID(), p.limit()
	p.same("RevokeOldest", func(s Store) (any, error) {
		revoked, err := s.RevokeOldest(p.ctx, userID, clientID, keep, limit, audit.RevokedByLimit)
		slices.SortFunc(revoked, func(a, b grant.Grant) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		return revoked, err
	})
}

func (p grantOperations) readGrants() {
	f := grant.Filter{Subject: "usr_" + p.name(), ClientID: p.clientOrAny(), Limit: 1 + p.limit()}
	if rapid.Bool().Draw(p.t, "not ended") {
		f.NotEndedAt = p.moment(start)
	}
	p.same("Grants", func(s Store) (any, error) { return s.Grants(p.ctx, f) })
}

// grant returns a grant to create, and the epoch for CreateGrant.
func (p grantOperations) grant(id oauth.GrantID) (grant.Grant, int64) {
	g := aGrant(0, "usr_"+mostly(p.t, "ann", p.name))
	g.ID, g.ClientID, g.KeyHash = id, p.client(), p.key()
	g.Generation = rapid.Uint32Range(0, 3).Draw(p.t, "generation")
	g.RotatedAt = p.moment(start)
	g.IdleLifetime = mostly(p.t, time.Hour, func() time.Duration { return time.Minute + time.Millisecond })
	g.ExpiresAt = mostly(p.t, g.ExpiresAt, func() time.Time { return p.moment(start) })
	g.Claims = mostly(p.t, nil, func() map[string]any { return map[string]any{"roles": []any{"a", "b"}, "level": 2.5} })
	u, _ := p.stores[0].UserByID(p.ctx, g.UserID)
	return g, mostly(p.t, u.Epoch, func() int64 { return u.Epoch + 1 })
}

// attempts returns refresh attempts of different grants. Most of the grants are
// live, and most of the tokens are valid or almost valid. The deadlines are so
// far away that the difference between the clocks of the stores does not
// matter. To read a grant as a refresh reads it, attempts makes an attempt of
// another client, which writes nothing.
func (p grantOperations) attempts() []grant.RefreshAttempt {
	ids := rapid.SliceOfNDistinct(rapid.ByteRange(1, 16), 0, 10, rapid.ID).Draw(p.t, "grants")
	digests := []oauth.Digest{{}, digest("one"), digest("two")}
	leeways := []time.Duration{0, time.Nanosecond, 10 * time.Second, time.Minute}
	var attempts []grant.RefreshAttempt
	for _, id := range ids {
		read, err := p.stores[0].RefreshGrant(p.ctx, grant.RefreshAttempt{
			Grant: oauth.GrantID{id}, ClientID: "another", ReceivedAt: start, Deadline: time.Now().Add(time.Hour),
		})
		g := read.Grant
		ended := err != nil || read.Outcome == grant.Missing || !g.RevokedAt.IsZero()
		if ended && mostly(p.t, true, func() bool { return false }) {
			continue
		}
		step := rapid.SampledFrom([]int64{0, 0, 0, -1, -1, -1, -1, 1, -2}).Draw(p.t, "step")
		attempts = append(attempts, grant.RefreshAttempt{
			Grant:       oauth.GrantID{id},
			ClientID:    mostly(p.t, g.ClientID, p.client),
			Generation:  uint32(max(0, int64(g.Generation)+step)),
			KeyHash:     rapid.SampledFrom(append(digests, g.KeyHash)).Draw(p.t, "key"),
			MACKey:      fmt.Sprint("mac ", rapid.IntRange(0, 1).Draw(p.t, "mac")),
			ReceivedAt:  p.moment(g.RotatedAt),
			Waited:      rapid.SampledFrom([]time.Duration{0, 0, time.Second, time.Hour}).Draw(p.t, "waited"),
			Leeway:      rapid.SampledFrom(leeways).Draw(p.t, "leeway"),
			RetryWindow: rapid.SampledFrom([]time.Duration{0, 10 * time.Second, time.Hour}).Draw(p.t, "retry window"),
			Audience:    mostly(p.t, g.Audience, func() []string { return []string{"https://api"} }),
			Deadline:    time.Now().Add(mostly(p.t, time.Hour, func() time.Duration { return -time.Hour })),
		})
	}
	return attempts
}
