package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// listGrants returns the grant ids of all pages of a list.
func listGrants(t *testing.T, f *rpctest.Fixture, client string, r *signetv1.ListGrantsRequest) (ids []string) {
	t.Helper()
	for {
		page, err := f.GrantService.ListGrants(f.As(t, client), r)
		must(t, err)
		if r.GetPageSize() > 0 && len(page.GetGrants()) > int(r.GetPageSize()) {
			t.Errorf("a page of %d grants, want at most %d", len(page.GetGrants()), r.GetPageSize())
		}
		for _, g := range page.GetGrants() {
			ids = append(ids, g.GetGrantId())
		}
		if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
			return ids
		}
	}
}

// wantGrants checks that the ids are those of the token responses, the newest
// first.
func wantGrants(t *testing.T, ids []string, want ...*signetv1.TokenResponse) {
	t.Helper()
	var all []string
	for _, in := range want {
		all = append(all, in.GetGrantId())
	}
	slices.Reverse(all)
	if !slices.Equal(ids, all) {
		t.Errorf("grants %q, want %q", ids, all)
	}
}

func TestListGrantsReturnsAllFields(t *testing.T) {
	f := newFixture(t)
	in, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{
		Username: username, Password: password, Audience: []string{"api", "api-roles"}, Scope: "read",
		EndUser: &signetv1.EndUser{Ip: "192.0.2.1", DeviceLabel: "Firefox on Linux"},
	})
	must(t, err)
	f.Pass(t, time.Minute)
	_, err = f.Refresh(t, "web", in.GetRefreshToken())
	must(t, err)
	page, err := f.GrantService.ListGrants(f.As(t, "web"), &signetv1.ListGrantsRequest{Subject: in.GetSubject()})
	must(t, err)
	if len(page.GetGrants()) != 1 || page.GetNextPageToken() != "" {
		t.Fatalf("page %v", page)
	}
	g := page.GetGrants()[0]
	made, used, authenticated := g.GetCreatedAt().AsTime(), g.GetLastUsedAt().AsTime(), g.GetAuthTime().AsTime()
	_, claims := decode(t, in.GetAccessToken())
	for name, c := range map[string]struct{ got, want any }{
		"grant_id":     {g.GetGrantId(), in.GetGrantId()},
		"client_id":    {g.GetClientId(), "web"},
		"subject":      {g.GetSubject(), in.GetSubject()},
		"scope":        {g.GetScope(), "read"},
		"audience":     {strings.Join(g.GetAudience(), " "), "api api-roles"},
		"device_label": {g.GetDeviceLabel(), "Firefox on Linux"},
		"ip":           {g.GetIp(), "192.0.2.1"},
		"created_at":   {time.Since(made).Abs() < 20*time.Second, true},
		"last_used_at": {used.Sub(made) >= time.Minute && used.Sub(made) < 80*time.Second, true},
		"expires_at":   {g.GetExpiresAt().AsTime(), used.Add(time.Hour)},
		"auth_time":    {made.Sub(authenticated).Abs() < time.Second, true},
		"the claim":    {float64(authenticated.Unix()), claims["auth_time"]},
		"amr":          {strings.Join(g.GetAmr(), " "), "pwd"},
		"state":        {g.GetState(), signetv1.GrantState_GRANT_STATE_ACTIVE},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

// A grant has the way in which its client holds logins in the browser.
func TestListGrants_HasTheWayOfTheClient(t *testing.T) {
	f := newFixture(t)
	ways := map[string]string{"web": ""}
	subject := f.LogIn(t, "web").GetSubject()
	for _, way := range client.Ways {
		caller := f.Register(t, client.Client{
			ID: "in-" + string(way), Public: true, Audiences: []string{"api"},
			Browser: &client.Browser{Way: way, Origins: []string{"https://" + string(way) + ".example"}},
		})
		caller.Origin = caller.Client.Browser.Origins[0]
		_, err := f.Fixture.Login(t.Context(), caller, issuertest.LoginRequest{Username: username, Password: password})
		must(t, err)
		ways[caller.Client.ID] = string(way)
	}

	page, err := f.GrantService.ListGrants(f.AsAdmin(t), &signetv1.ListGrantsRequest{Subject: subject})
	must(t, err)
	got := map[string]string{}
	for _, g := range page.GetGrants() {
		got[g.GetClientId()] = g.GetWay()
	}
	if !maps.Equal(got, ways) {
		t.Errorf("ways %q, want %q", got, ways)
	}
}

func TestGrantsInEachState(t *testing.T) {
	f := newFixture(t)
	in := f.LogIn(t, "web")
	check := func(want signetv1.GrantState, ended bool) {
		t.Helper()
		page, err := f.GrantService.ListGrants(f.As(t, "web"), &signetv1.ListGrantsRequest{
			Subject: in.GetSubject(), IncludeEnded: true,
		})
		must(t, err)
		if len(page.GetGrants()) != 1 || page.GetGrants()[0].GetState() != want {
			t.Errorf("grants %v, want one in state %s", page.GetGrants(), want)
		}
		ids := listGrants(t, f, "web", &signetv1.ListGrantsRequest{Subject: in.GetSubject()})
		if (len(ids) == 0) != ended {
			t.Errorf("%d grants without include_ended, in state %s", len(ids), want)
		}
	}
	check(signetv1.GrantState_GRANT_STATE_ACTIVE, false)
	must(t, f.Admin.DisableUser(t.Context(), operator, username))
	check(signetv1.GrantState_GRANT_STATE_SUSPENDED, false)
	must(t, f.Admin.EnableUser(t.Context(), operator, username))
	f.Pass(t, time.Hour)
	f.Poll(t)
	check(signetv1.GrantState_GRANT_STATE_EXPIRED, true)
	_, err := f.GrantService.RevokeGrant(f.As(t, "web"), &signetv1.RevokeGrantRequest{GrantId: in.GetGrantId()})
	must(t, err)
	check(signetv1.GrantState_GRANT_STATE_REVOKED, true)
}

func TestListGrantsReturnsAllPages(t *testing.T) {
	f := newFixture(t)
	var all []*signetv1.TokenResponse
	for range 7 {
		r := f.Mint(t, "mesh", &signetv1.MintRequest{Subject: "7", Audience: []string{"api-es"}, Refresh: true})
		all = append(all, &signetv1.TokenResponse{GrantId: r.GetGrantId()})
	}
	for _, size := range []int32{0, 1, 2, 3, 6, 7, 8, 1000} {
		wantGrants(t, listGrants(t, f, "mesh", &signetv1.ListGrantsRequest{Subject: "7", PageSize: size}), all...)
	}
}

// A client lists and revokes its own grants, and an administrator those of all
// clients.
func TestGrantsBelongToTheirClient(t *testing.T) {
	f := newFixture(t)
	own, foreign := f.LogIn(t, "web"), f.LogIn(t, "other")
	list := &signetv1.ListGrantsRequest{Subject: own.GetSubject()}
	wantGrants(t, listGrants(t, f, "web", list), own)
	wantGrants(t, listGrants(t, f, "mesh", list))
	for _, id := range []string{foreign.GetGrantId(), strings.Repeat("0", 32)} {
		_, err := f.GrantService.RevokeGrant(f.As(t, "web"), &signetv1.RevokeGrantRequest{GrantId: id})
		if status.Code(err) != codes.NotFound || reason(err) != "NOT_FOUND" {
			t.Errorf("grant %s: %v", id, err)
		}
	}
	all, err := f.GrantService.RevokeAllGrants(f.As(t, "web"), &signetv1.RevokeAllGrantsRequest{
		Subject: own.GetSubject(),
	})
	must(t, err)
	if all.GetRevoked() != 1 {
		t.Errorf("%d revoked, want 1", all.GetRevoked())
	}
	wantGrants(t, listGrants(t, f, "web", list))
	wantGrants(t, listGrants(t, f, "other", list), foreign)

	admin := f.AsAdmin(t)
	page, err := f.GrantService.ListGrants(admin, &signetv1.ListGrantsRequest{
		Subject: own.GetSubject(), IncludeEnded: true,
	})
	must(t, err)
	var clients []string
	for _, g := range page.GetGrants() {
		clients = append(clients, g.GetClientId())
	}
	if !slices.Contains(clients, "web") || !slices.Contains(clients, "other") {
		t.Errorf("an administrator gets the grants of %q", clients)
	}
	_, err = f.GrantService.RevokeGrant(admin, &signetv1.RevokeGrantRequest{GrantId: foreign.GetGrantId()})
	must(t, err)
	wantGrants(t, listGrants(t, f, "other", list))
	page, err = f.GrantService.ListGrants(admin, list)
	must(t, err)
	all, err = f.GrantService.RevokeAllGrants(admin, &signetv1.RevokeAllGrantsRequest{Subject: own.GetSubject()})
	must(t, err)
	if int(all.GetRevoked()) != len(page.GetGrants()) {
		t.Errorf("%d revoked, want %d", all.GetRevoked(), len(page.GetGrants()))
	}
}

func TestGrantServiceRequiresConfidentialClient(t *testing.T) {
	f := newFixture(t)
	in := f.LogIn(t, "spa")
	calls := map[string]func(ctx context.Context) error{
		"ListGrants": func(ctx context.Context) error {
			_, err := f.GrantService.ListGrants(ctx, &signetv1.ListGrantsRequest{Subject: in.GetSubject()})
			return err
		},
		"RevokeGrant": func(ctx context.Context) error {
			_, err := f.GrantService.RevokeGrant(ctx, &signetv1.RevokeGrantRequest{GrantId: in.GetGrantId()})
			return err
		},
		"RevokeAllGrants": func(ctx context.Context) error {
			_, err := f.GrantService.RevokeAllGrants(ctx, &signetv1.RevokeAllGrantsRequest{Subject: in.GetSubject()})
			return err
		},
	}
	for name, call := range calls {
		if err := call(f.As(t, "spa")); status.Code(err) != codes.PermissionDenied ||
			reason(err) != "UNAUTHORIZED_CLIENT" {
			t.Errorf("%s by a public client: %v", name, err)
		}
		if err := call(rpctest.Context(t)); reason(err) != "INVALID_CLIENT" {
			t.Errorf("%s without credentials: %v", name, err)
		}
	}
	if _, err := f.Refresh(t, "spa", in.GetRefreshToken()); err != nil {
		t.Errorf("after the refusals: %v", err)
	}
}

// A user logs out on all devices but one. The next refresh of a revoked grant
// is refused.
func TestRevokeAllGrantsButOne(t *testing.T) {
	f := newFixture(t)
	current, second, third := f.LogIn(t, "web"), f.LogIn(t, "web"), f.LogIn(t, "web")
	all, err := f.GrantService.RevokeAllGrants(f.As(t, "web"), &signetv1.RevokeAllGrantsRequest{
		Subject: current.GetSubject(), ExceptGrantId: current.GetGrantId(),
	})
	must(t, err)
	if all.GetRevoked() != 2 {
		t.Errorf("%d revoked, want 2", all.GetRevoked())
	}
	for _, in := range []*signetv1.TokenResponse{second, third} {
		if _, err := f.Refresh(t, "web", in.GetRefreshToken()); reason(err) != "INVALID_GRANT" {
			t.Errorf("refresh of a revoked grant: %v", err)
		}
	}
	_, err = f.Refresh(t, "web", current.GetRefreshToken())
	must(t, err)
	for range 2 { // a second revocation succeeds too
		_, err = f.GrantService.RevokeGrant(f.As(t, "web"), &signetv1.RevokeGrantRequest{GrantId: current.GetGrantId()})
		must(t, err)
	}
	if _, err := f.Refresh(t, "web", current.GetRefreshToken()); reason(err) != "INVALID_GRANT" {
		t.Errorf("refresh of a revoked grant: %v", err)
	}
}

// Rule 69: Each revocation has one audit record, which is written before the
// response. A revocation of a revoked grant has a record with the count 0.
func TestRule69_RevocationsAreAudited(t *testing.T) {
	f := newFixture(t)
	one, two, three := f.LogIn(t, "web"), f.LogIn(t, "web"), f.LogIn(t, "web")
	f.Events.Reset()
	web := f.As(t, "web")
	for range 2 {
		_, err := f.GrantService.RevokeGrant(web, &signetv1.RevokeGrantRequest{GrantId: one.GetGrantId()})
		must(t, err)
	}
	_, err := f.GrantService.RevokeAllGrants(web, &signetv1.RevokeAllGrantsRequest{
		Subject: two.GetSubject(), ExceptGrantId: three.GetGrantId(),
	})
	must(t, err)
	var got []string
	for _, e := range f.Events.All() {
		id := e.Actor.RequestID != ""
		got = append(got, fmt.Sprint(
			e.Name, " ", e.Actor.Name, " ", e.Target(), " ", e.Reason, " ", e.Count, " ", e.KeptGrant, " ", id,
		))
	}
	want := []string{
		"grant.revoked web grant:" + one.GetGrantId() + " client 1  true",
		"grant.revoked web grant:" + one.GetGrantId() + " client 0  true",
		"grant.revoked web user:" + two.GetSubject() + " client 1 " + three.GetGrantId() + " true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}

	f.Events.FailWith(errors.New("disk full"))
	if _, err := f.GrantService.RevokeGrant(web, &signetv1.RevokeGrantRequest{
		GrantId: three.GetGrantId(),
	}); reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("without an audit log: %v", err)
	}
	_, err = f.GrantService.RevokeAllGrants(web, &signetv1.RevokeAllGrantsRequest{Subject: "7"})
	if reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("without an audit log: %v", err)
	}
}

// Rule 70: Page tokens are authenticated and valid for their own list only.
// Invalid ones are refused before the server reads the store, which is closed
// in this test. Only for the id of an unknown MAC key, which a grant id looks
// like, does the server read the key ring again.
func TestRule70_PageTokensAreAuthenticated(t *testing.T) {
	f := newFixture(t)
	for _, subject := range []string{"7", "8"} {
		for range 2 {
			f.Mint(t, "mesh", &signetv1.MintRequest{Subject: subject, Audience: []string{"api-es"}, Refresh: true})
		}
	}
	page, err := f.GrantService.ListGrants(f.As(t, "mesh"), &signetv1.ListGrantsRequest{Subject: "7", PageSize: 1})
	must(t, err)
	valid, mesh, web := page.GetNextPageToken(), f.As(t, "mesh"), f.As(t, "web")
	refused := func(name string, ctx context.Context, r *signetv1.ListGrantsRequest) {
		t.Helper()
		if _, err := f.GrantService.ListGrants(ctx, r); status.Code(err) != codes.InvalidArgument ||
			reason(err) != "INVALID_REQUEST" {
			t.Errorf("%s: %v", name, err)
		}
	}
	grantID := page.GetGrants()[0].GetGrantId()
	refused("a grant id", mesh, &signetv1.ListGrantsRequest{Subject: "7", PageToken: grantID})
	must(t, f.Store.Close())
	refused("another subject", mesh, &signetv1.ListGrantsRequest{Subject: "8", PageToken: valid})
	refused("another client", web, &signetv1.ListGrantsRequest{Subject: "7", PageToken: valid})
	refused("another filter", mesh, &signetv1.ListGrantsRequest{Subject: "7", PageToken: valid, IncludeEnded: true})
	for _, text := range []string{
		"x", valid + "A", valid[:len(valid)-1], "' OR 1=1 --", "%00", valid + valid, valid + "=",
	} {
		refused(text, mesh, &signetv1.ListGrantsRequest{Subject: "7", PageToken: text})
	}
	if _, err := f.GrantService.ListGrants(mesh, &signetv1.ListGrantsRequest{
		Subject: "7", PageToken: valid,
	}); reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("valid token, without a store: %v", err)
	}
}

func TestMalformedGrantRequests(t *testing.T) {
	f := newFixture(t)
	web := f.As(t, "web")
	list := func(r *signetv1.ListGrantsRequest) error { _, err := f.GrantService.ListGrants(web, r); return err }
	one := func(id string) error {
		_, err := f.GrantService.RevokeGrant(web, &signetv1.RevokeGrantRequest{GrantId: id})
		return err
	}
	all := func(subject, except string) error {
		_, err := f.GrantService.RevokeAllGrants(web, &signetv1.RevokeAllGrantsRequest{
			Subject: subject, ExceptGrantId: except,
		})
		return err
	}
	for name, err := range map[string]error{
		"list without subject":    list(&signetv1.ListGrantsRequest{}),
		"list, too long subject":  list(&signetv1.ListGrantsRequest{Subject: strings.Repeat("x", 256)}),
		"list, control character": list(&signetv1.ListGrantsRequest{Subject: "a\x00b"}),
		"list, negative size":     list(&signetv1.ListGrantsRequest{Subject: "7", PageSize: -1}),
		"list, too large size":    list(&signetv1.ListGrantsRequest{Subject: "7", PageSize: 1001}),
		"list, too long page token": list(&signetv1.ListGrantsRequest{
			Subject: "7", PageToken: strings.Repeat("x", 1<<10+1),
		}),
		"revoke without id":        one(""),
		"revoke malformed":         one(strings.Repeat("G", 32)),
		"revoke upper case":        one(strings.Repeat("A", 32)),
		"revoke too long":          one(strings.Repeat("0", 34)),
		"all without subject":      all("", ""),
		"all, control character":   all("a\nb", ""),
		"all, malformed exception": all("7", "x"),
		"all, too long exception":  all("7", strings.Repeat("0", 33)),
	} {
		if status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_REQUEST" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
