package storetest

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// countOfLive: the count of an act is that of the live grants, at most 1,000.
func countOfLive(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	const grants = grant.MaxCounted + 5
	mintMany(t, s, grants, func(i int) grant.Grant {
		g := aGrant(0, u.ID)
		g.ID = oauth.GrantID{1, byte(i), byte(i >> 8)}
		if i < 10 {
			g.RevokedAt = start
		}
		return g
	})
	for i, want := range []int{grants - 10, 0} {
		n, err := revokeAll(t.Context(), s, u.ID, "", oauth.GrantID{}, audit.RevokedByAdmin)
		must(t, err)
		if n.Live != want {
			t.Errorf("act %d: %d live grants, want %d", i, n.Live, want)
		}
	}
	mintMany(t, s, grants, func(i int) grant.Grant {
		g := aGrant(0, u.ID)
		g.ID = oauth.GrantID{2, byte(i), byte(i >> 8)}
		return g
	})
	n, err := s.DisableUser(t.Context(), "ann", operator)
	must(t, err)
	equal(t, n.Live, grant.MaxCounted)
}

// oldestAreRevoked: CreateGrant counts the live grants of the user to the
// client up to the limit, and RevokeOldest revokes the least recently used
// ones.
func oldestAreRevoked(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	for id := range byte(6) {
		g := aGrant(id+1, u.ID)
		g.RotatedAt = start.Add(-time.Duration(id) * time.Minute) // the last one was used least recently
		switch id {
		case 0:
			g.ClientID = "other"
		case 1: // expired
			g.ExpiresAt = start
			must(t, mintGrant(t.Context(), s, g))
			continue
		}
		created, err := s.CreateGrant(t.Context(), g, u.Epoch, 3)
		must(t, err)
		equal(t, created.Live, []int{1, 1, 1, 2, 3, 4}[id])
	}
	revoked, err := s.RevokeOldest(t.Context(), u.ID, "app", oauth.GrantID{6}, 3, audit.RevokedByLimit)
	must(t, err)
	if len(revoked) != 1 || revoked[0].ID != (oauth.GrantID{5}) || revoked[0].RevokeReason != audit.RevokedByLimit {
		t.Errorf("revoked %+v, want the grant 5", revoked)
	}
	equal(t, stored(t, s, oauth.GrantID{5}).RevokeReason, audit.RevokedByLimit)
	revoked, err = s.RevokeOldest(t.Context(), u.ID, "app", oauth.GrantID{6}, 3, audit.RevokedByLimit)
	must(t, err)
	equal(t, revoked, []grant.Grant(nil))
	created, err := s.CreateGrant(t.Context(), aGrant(7, u.ID), u.Epoch, 1)
	must(t, err)
	equal(t, created.Live, 2) // of 4
}

// oldestOfConcurrentLogins: of two logins that created their grants at the same
// time, only the later one revokes the grant of the other.
func oldestOfConcurrentLogins(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	first, second := aGrant(2, u.ID), aGrant(1, u.ID)
	for _, g := range []grant.Grant{first, second} {
		must(t, createGrant(t.Context(), s, g, u.Epoch))
	}
	for _, c := range []struct {
		keep grant.Grant
		want []oauth.GrantID
	}{{first, nil}, {second, []oauth.GrantID{first.ID}}, {first, nil}} {
		revoked, err := s.RevokeOldest(t.Context(), u.ID, "app", c.keep.ID, 1, audit.RevokedByLimit)
		must(t, err)
		var ids []oauth.GrantID
		for _, g := range revoked {
			ids = append(ids, g.ID)
		}
		equal(t, ids, c.want)
	}
	equal(t, stored(t, s, second.ID), second)
}

// listIsBounded: a list that selects none of many grants examines a part of
// them, and continues.
func listIsBounded(t *testing.T, s Store) {
	const grants = 2*grant.MaxExamined + 10
	wanted := aGrant(1, "customer 7")
	wanted.ClientID = "other"
	must(t, mintGrant(t.Context(), s, wanted))
	mintMany(t, s, grants, func(i int) grant.Grant {
		g := aGrant(0, "customer 7")
		g.ID = oauth.GrantID{2, byte(i), byte(i >> 8)}
		return g
	})
	var found []grant.Grant
	pages, f := 0, grant.Filter{Subject: "customer 7", ClientID: "other", Limit: 5}
	for {
		p, err := s.Grants(t.Context(), f)
		must(t, err)
		found, f.After = append(found, p.Grants...), p.Next
		if pages++; p.Next.IsZero() {
			break
		}
	}
	equal(t, found, []grant.Grant{wanted})
	equal(t, pages, 3)
}
