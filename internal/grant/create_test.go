package grant_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// A login above the limit never revokes its own grant, even if other grants
// were used at the same time.
func TestLogin_KeepsItsOwnGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := issuertest.NewGateway(t, setup, func(o *components.Options) { o.Limits.GrantsPerUser = 1 })
		for range 10 { // The grant with the lowest id would be revoked.
			login := f.MustLogin(t)
			g, err := f.Store.Grant(t.Context(), login.GrantID)
			must(t, err)
			if !g.RevokedAt.IsZero() {
				t.Fatal("a login revoked its own grant")
			}
		}
	})
}

// If the audit log does not take the revocation of a grant above the limit, the
// caller gets an error, and the new grant is revoked.
func TestCreate_UnauditedRevocationIsAnError(t *testing.T) {
	f := issuertest.NewGateway(t, setup, func(o *components.Options) { o.Limits.GrantsPerUser = 1 })
	login := f.MustLogin(t)
	g, err := f.Store.Grant(t.Context(), login.GrantID)
	must(t, err)
	f.Events.FailWith(errors.New("disk full"))
	g.ID[0]++
	wantCode(t, f.Grants.Create(t.Context(), f.Caller, g, 0), oauth.TemporarilyUnavailable)
	g, err = f.Store.Grant(t.Context(), g.ID)
	must(t, err)
	if g.RevokeReason != audit.RevokedNotAudited {
		t.Errorf("the new grant is not revoked: %+v", g)
	}
}

// A login above the limit of live grants revokes the least recently used grant
// of the user at the client. A client's own limit overrides the issuer's.
func TestLogin_RevokesTheLeastRecentlyUsedGrantAboveTheLimit(t *testing.T) {
	two, none := 2, 0
	for name, c := range map[string]struct {
		issuer int
		client *int
		want   int // events
	}{
		"the issuer's limit":   {2, nil, 1},
		"the client's limit":   {200, &two, 1},
		"a client without one": {2, &none, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := issuertest.NewGateway(t, setup, func(o *components.Options) { o.Limits.GrantsPerUser = c.issuer })
				f.Caller = f.Register(t, client.Client{ID: "app", Audiences: []string{api}, GrantsPerUser: c.client})
				first := f.MustLogin(t)
				f.Sleep(t, time.Second)
				second := f.MustLogin(t)
				f.Sleep(t, time.Second)
				refreshed := f.MustRefresh(t, first.RefreshToken, "")
				f.Sleep(t, time.Second)
				third := f.MustLogin(t)

				f.MustRefresh(t, refreshed.RefreshToken, "")
				f.MustRefresh(t, third.RefreshToken, "")
				_, err := f.Refresh(t.Context(), second.RefreshToken, "")
				if c.want == 0 {
					must(t, err)
				} else {
					wantCode(t, err, oauth.InvalidGrant)
				}
				if n := f.Events.Count(audit.GrantRevoked); n != c.want {
					t.Fatalf("%d grants were revoked, want %d", n, c.want)
				}
				for _, e := range f.Events.All() {
					if e.Name == audit.GrantRevoked &&
						(e.Grant != second.GrantID.String() || e.Reason != audit.RevokedByLimit || e.Count != 1) {
						t.Errorf("the event is %+v", e)
					}
				}
			})
		})
	}
}
