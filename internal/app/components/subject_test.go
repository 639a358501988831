package components_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// subject is the id that another issuer gave to the user.
const (
	subject = "auth0|5f7c8ec7"
	shop    = "https://shop.example"
)

// A foreign is a server with a user whose id another issuer has made.
type foreign struct {
	server
	mesh, shop client.Caller
}

// newForeign imports the user, and registers clients for all kinds of tokens.
func newForeign(t *testing.T, o components.Options, wall *issuertest.Clock) *foreign {
	t.Helper()
	f := &foreign{server: newServer(t, o, register(t, o), wall)}
	f.Admin = admin.New(admin.Options{
		Store: o.Store.(store), Passwords: o.Passwords, Now: f.Registry.Now, Issuer: o.Issuer, Audit: f.Events.Record,
		Limits: admin.Limits{MaxAccess: o.AccessLifetimes.Max, MaxRefresh: o.GrantLifetimes.Max},
	})
	must(t, f.Admin.DeleteUser(t.Context(), issuertest.Operator, issuertest.Username))
	hash, err := o.Passwords.Hash(t.Context(), issuertest.Password)
	must(t, err)
	_, err = f.Admin.ImportUser(t.Context(), issuertest.Operator, admin.ImportedUser{
		Username: issuertest.Username, PasswordHash: hash, ID: subject, Claims: map[string]any{"roles": []any{"ops"}},
	})
	must(t, err)

	own := client.Audience{ID: o.Issuer, Algorithm: keys.ES256}
	_, err = f.Admin.CreateAudience(t.Context(), issuertest.Operator, own)
	must(t, err)
	must(t, f.Admin.UpdateAudience(t.Context(), issuertest.Operator, issuertest.API, func(a *client.Audience) {
		a.Claims = []string{"roles"}
	}))
	must(t, f.Admin.UpdateClient(t.Context(), issuertest.Operator, "gateway", func(c *client.Client) {
		c.Audiences = append(c.Audiences, o.Issuer)
	}))
	f.mesh = f.Register(t, client.Client{ID: "mesh", Audiences: []string{issuertest.API}, MintSubjects: true})
	f.shop = f.Register(t, client.Client{
		ID: "shop", Public: true, Audiences: []string{issuertest.API},
		Browser: &client.Browser{Way: client.WaySession, Origins: []string{shop}},
	})
	f.Caller = f.Fixture.Caller(t, "gateway")
	return f
}

// A subject of another issuer works wherever a user does.
func TestForeignSubject_IsAUserEverywhere(t *testing.T) {
	onBothStores(t, func(t *testing.T, o components.Options, wall *issuertest.Clock) {
		f := newForeign(t, o, wall)
		f.checkLogin(t)
		f.checkPassword(t)
		f.checkBearer(t, o.Issuer)
		f.checkGrants(t)
		session := f.checkSession(t)
		f.checkRevocation(t)
		f.checkEnds(t, session)
	})
}

func (f *foreign) checkLogin(t *testing.T) {
	t.Helper()
	in := f.MustLogin(t)
	f.wantActive(t, true, in.AccessToken, in.RefreshToken)
	next := f.MustRefresh(t, in.RefreshToken, "")
	f.wantActive(t, true, next.AccessToken, next.RefreshToken)
	if in.Subject != subject || next.Subject != subject {
		t.Errorf("subjects %q and %q", in.Subject, next.Subject)
	}
	if e := f.Events.Last(); e.Subject != subject || e.Target() != "grant:"+in.GrantID.String() {
		t.Errorf("event %+v", e)
	}

	// The user's own claims take precedence over those of the request, which
	// shows that Mint has read the user.
	r, err := f.Issuer.Mint(t.Context(), f.mesh, issuer.MintRequest{
		Subject: subject, Refresh: true, Claims: map[string]any{"roles": []any{"root"}},
	})
	must(t, err)
	if roles := rolesIn(t, r.Tokens[0].AccessToken); !reflect.DeepEqual(roles, []any{"ops"}) {
		t.Errorf("roles %v", roles)
	}

	_, err = f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: issuertest.Username, Password: "wrong"})
	wantCode(t, err, oauth.InvalidGrant)
	if e := f.Events.Last(); e.Name != audit.LoginFailed || e.Subject != subject || e.Target() != "user:"+subject {
		t.Errorf("event %+v", e)
	}
}

// checkPassword changes the password and back. The first change keeps a grant.
func (f *foreign) checkPassword(t *testing.T) {
	t.Helper()
	ended, kept := f.MustLogin(t), f.MustLogin(t)
	change := func(from, to string, keep oauth.GrantID) {
		t.Helper()
		must(t, f.ChangePassword(t.Context(), f.Caller, issuertest.LoginRequest{
			Username: issuertest.Username, Password: from,
		}, to, keep))
	}
	const other = "another long passphrase of nine"
	change(issuertest.Password, other, kept.GrantID)
	f.wantActive(t, true, kept.AccessToken, kept.RefreshToken)
	f.wantActive(t, false, ended.AccessToken, ended.RefreshToken)
	_, err := f.Login(t.Context(), f.Caller, issuertest.LoginRequest{
		Username: issuertest.Username, Password: issuertest.Password,
	})
	wantCode(t, err, oauth.InvalidGrant)
	change(other, issuertest.Password, oauth.GrantID{})
	f.wantActive(t, false, kept.AccessToken, kept.RefreshToken)
}

// checkBearer logs in for the issuer's own API. A subject that is not a user
// is not accepted there.
func (f *foreign) checkBearer(t *testing.T, identifier string) {
	t.Helper()
	in, err := f.Login(t.Context(), f.Caller, issuertest.LoginRequest{
		Username: issuertest.Username, Password: issuertest.Password, Audience: []string{identifier},
	})
	must(t, err)
	caller, err := f.Inspector.Bearer(t.Context(), in.AccessToken)
	must(t, err)
	if caller.Subject != subject || caller.Actor().Name != subject {
		t.Errorf("caller %q, actor %q", caller.Subject, caller.Actor().Name)
	}

	minting := f.Register(t, client.Client{ID: "minting", Audiences: []string{identifier}, MintSubjects: true})
	for _, c := range []struct {
		subject string
		valid   bool
	}{{subject, true}, {"auth0|of nobody", false}} {
		r, err := f.Issuer.Mint(t.Context(), minting, issuer.MintRequest{Subject: c.subject, Refresh: true})
		must(t, err)
		_, err = f.Inspector.Bearer(t.Context(), r.Tokens[0].AccessToken)
		if (err == nil) != c.valid || err != nil && !errors.Is(err, oauth.InvalidClient) {
			t.Errorf("%s: %v", c.subject, err)
		}
	}
}

// checkGrants lists and revokes the grants of the subject.
func (f *foreign) checkGrants(t *testing.T) {
	t.Helper()
	one, two := f.MustLogin(t), f.MustLogin(t)
	page, _, err := f.Grants.List(t.Context(), f.Caller, grant.ListRequest{Subject: subject, Limit: 2})
	must(t, err)
	if len(page.Grants) != 2 || page.Grants[0].ID != two.GrantID || page.Grants[1].ID != one.GrantID {
		t.Errorf("page %+v", page.Grants)
	}
	must(t, f.Grants.Revoke(t.Context(), f.Caller, one.GrantID.String()))
	f.wantActive(t, false, one.AccessToken, one.RefreshToken)
	f.wantActive(t, true, two.AccessToken, two.RefreshToken)
	n, err := f.Grants.RevokeAll(t.Context(), f.Caller, subject, "")
	must(t, err)
	if n == 0 {
		t.Error("no grant was revoked")
	}
	f.wantActive(t, false, two.AccessToken, two.RefreshToken)
}

// checkSession logs in for a session cookie and asks as a gateway does.
func (f *foreign) checkSession(t *testing.T) (token string) {
	t.Helper()
	f.shop.Origin = shop
	l, err := f.Browser.Login(t.Context(), browser.Page{Caller: f.shop}, browser.LoginRequest{
		Username: issuertest.Username, Password: issuertest.Password,
	})
	must(t, err)
	if l.Subject != subject {
		t.Errorf("subject %q", l.Subject)
	}
	f.wantSession(t, l.SessionToken, http.StatusOK)
	return l.SessionToken
}

// wantSession asks about a session, and wants the status.
func (f *foreign) wantSession(t *testing.T, token string, status int) {
	t.Helper()
	header := http.Header{"Cookie": {"__Host-Http-signet-shop=" + token}}
	v := f.Checker.Check(t.Context(), browser.CheckRequest{
		Audience: browser.DefaultAudience, Method: http.MethodGet, Proto: "https", Host: "shop.example", URI: "/",
		Header: func(name string) []string { return header[name] },
	})
	if v.Status != status {
		t.Errorf("status %d (%v), want %d", v.Status, v.Err, status)
	}
}

// checkRevocation revokes the access tokens of the subject.
func (f *foreign) checkRevocation(t *testing.T) {
	t.Helper()
	in := f.MustLogin(t)
	_, err := f.Admin.AddRevocation(t.Context(), issuertest.Operator, admin.RevokedTokens{Subject: subject})
	must(t, err)
	f.wantActive(t, false, in.AccessToken)
	f.wantActive(t, true, in.RefreshToken)
}

// checkEnds disables, enables and deletes the user.
func (f *foreign) checkEnds(t *testing.T, session string) {
	t.Helper()
	in := f.MustLogin(t)
	minted, err := f.Issuer.Mint(t.Context(), f.mesh, issuer.MintRequest{Subject: subject})
	must(t, err)
	refused := func(mint oauth.Code) {
		t.Helper()
		f.wantActive(t, false, in.AccessToken, in.RefreshToken, minted.Tokens[0].AccessToken)
		_, err := f.Refresh(t.Context(), in.RefreshToken, "")
		wantCode(t, err, oauth.InvalidGrant)
		_, err = f.Login(t.Context(), f.Caller, issuertest.LoginRequest{
			Username: issuertest.Username, Password: issuertest.Password,
		})
		wantCode(t, err, oauth.InvalidGrant)
		for _, refresh := range []bool{false, true} {
			_, err = f.Issuer.Mint(t.Context(), f.mesh, issuer.MintRequest{Subject: subject, Refresh: refresh})
			wantCode(t, err, mint)
		}
		f.wantSession(t, session, http.StatusUnauthorized)
	}

	must(t, f.Admin.DisableUser(t.Context(), issuertest.Operator, issuertest.Username))
	refused(oauth.InvalidGrant)
	must(t, f.Admin.EnableUser(t.Context(), issuertest.Operator, issuertest.Username))
	f.wantActive(t, true, in.RefreshToken)
	must(t, f.Admin.DeleteUser(t.Context(), issuertest.Operator, issuertest.Username))
	// It is the subject of the client mesh alone now, whose tokens the entry
	// about the user still refuses.
	refused(oauth.TemporarilyUnavailable)
	page, _, err := f.Grants.List(t.Context(), f.Caller, grant.ListRequest{Subject: subject, Limit: 9})
	must(t, err)
	if len(page.Grants) != 0 {
		t.Errorf("%d live grants of a deleted user", len(page.Grants))
	}
}

// wantActive introspects tokens, after a read of the revocation log.
func (f *foreign) wantActive(t *testing.T, want bool, tokens ...string) {
	t.Helper()
	must(t, f.Feed.Refresh(t.Context()))
	for _, text := range tokens {
		found, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
		must(t, err)
		if found.Active != want || want && found.Subject != subject {
			t.Errorf("introspection returns %+v, want active: %v", found, want)
		}
	}
}

// rolesIn returns the claim roles of an access token.
func rolesIn(t *testing.T, text string) any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	must(t, err)
	var claims map[string]any
	must(t, json.Unmarshal(payload, &claims))
	return claims["roles"]
}

func wantCode(t *testing.T, err error, code oauth.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Errorf("error %v, want %s", err, code)
	}
}
