package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/audit"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// grantsOf returns the ids of all pages of the list.
func (h *house) grantsOf(t *testing.T, client string, r *signetv1.ListGrantsRequest) (ids []string) {
	t.Helper()
	for {
		page, err := h.grants.ListGrants(h.as(t, client), r)
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

// wantGrants fails the test if the ids are not those of the tokens.
func wantGrants(t *testing.T, ids []string, want ...*signetv1.TokenResponse) {
	t.Helper()
	var all []string
	for _, in := range want {
		all = append(all, in.GetGrantId())
	}
	slices.Sort(all)
	if !slices.Equal(ids, all) {
		t.Errorf("grants %q, want %q", ids, all)
	}
}

func TestListGrantsTellsWhatAUserWantsToKnow(t *testing.T) {
	h := openHouse(t)
	in, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{
		Username: username, Password: secret, Audience: []string{"api", "api-roles"}, Scope: "read",
		EndUser: &signetv1.EndUser{Ip: "192.0.2.1", DeviceLabel: "Firefox on Linux"},
	})
	must(t, err)
	h.clock.advance(time.Minute)
	_, err = h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
	must(t, err)
	page, err := h.grants.ListGrants(h.as(t, "web"), &signetv1.ListGrantsRequest{Subject: in.GetSubject()})
	must(t, err)
	if len(page.GetGrants()) != 1 || page.GetNextPageToken() != "" {
		t.Fatalf("page %v", page)
	}
	g := page.GetGrants()[0]
	made, used := g.GetCreatedAt().AsTime(), g.GetLastUsedAt().AsTime()
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
		"auth_time":    {g.GetAuthTime().AsTime(), made},
		"amr":          {strings.Join(g.GetAmr(), " "), "pwd"},
		"state":        {g.GetState(), signetv1.GrantState_GRANT_STATE_ACTIVE},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestGrantsInEachState(t *testing.T) {
	h := openHouse(t)
	in := h.login(t, "web")
	check := func(want signetv1.GrantState, ended bool) {
		t.Helper()
		page, err := h.grants.ListGrants(h.as(t, "web"), &signetv1.ListGrantsRequest{Subject: in.GetSubject(), IncludeEnded: true})
		must(t, err)
		if len(page.GetGrants()) != 1 || page.GetGrants()[0].GetState() != want {
			t.Errorf("grants %v, want one that is %s", page.GetGrants(), want)
		}
		if ids := h.grantsOf(t, "web", &signetv1.ListGrantsRequest{Subject: in.GetSubject()}); (len(ids) == 0) != ended {
			t.Errorf("%d grants that have not ended, %s", len(ids), want)
		}
	}
	check(signetv1.GrantState_GRANT_STATE_ACTIVE, false)
	must(t, h.admin.DisableUser(t.Context(), operator, username))
	check(signetv1.GrantState_GRANT_STATE_SUSPENDED, false)
	must(t, h.admin.EnableUser(t.Context(), operator, username))
	h.clock.advance(time.Hour)
	must(t, h.directory.Poll(t.Context()))
	check(signetv1.GrantState_GRANT_STATE_EXPIRED, true)
	_, err := h.grants.RevokeGrant(h.as(t, "web"), &signetv1.RevokeGrantRequest{GrantId: in.GetGrantId()})
	must(t, err)
	check(signetv1.GrantState_GRANT_STATE_REVOKED, true)
}

func TestGrantsComeInPages(t *testing.T) {
	h := openHouse(t)
	var all []*signetv1.TokenResponse
	for range 7 {
		r := h.mint(t, "mesh", &signetv1.MintRequest{Subject: "7", Audience: []string{"api-es"}, Refresh: true})
		all = append(all, &signetv1.TokenResponse{GrantId: r.GetGrantId()})
	}
	for _, size := range []int32{0, 1, 2, 3, 6, 7, 8, 1000} {
		wantGrants(t, h.grantsOf(t, "mesh", &signetv1.ListGrantsRequest{Subject: "7", PageSize: size}), all...)
	}
}

// A client sees and ends its own grants, and an administrator those of all.
func TestGrantsAreTheClients(t *testing.T) {
	h := openHouse(t)
	mine, others := h.login(t, "web"), h.login(t, "other")
	list := &signetv1.ListGrantsRequest{Subject: mine.GetSubject()}
	wantGrants(t, h.grantsOf(t, "web", list), mine)
	wantGrants(t, h.grantsOf(t, "mesh", list))
	for _, id := range []string{others.GetGrantId(), strings.Repeat("0", 32)} {
		_, err := h.grants.RevokeGrant(h.as(t, "web"), &signetv1.RevokeGrantRequest{GrantId: id})
		if status.Code(err) != codes.NotFound || reason(err) != "NOT_FOUND" {
			t.Errorf("grant %s: %v", id, err)
		}
	}
	all, err := h.grants.RevokeAllGrants(h.as(t, "web"), &signetv1.RevokeAllGrantsRequest{Subject: mine.GetSubject()})
	must(t, err)
	if all.GetRevoked() != 1 {
		t.Errorf("%d revoked, want 1", all.GetRevoked())
	}
	wantGrants(t, h.grantsOf(t, "web", list))
	wantGrants(t, h.grantsOf(t, "other", list), others)

	administrator := h.administrate(t)
	page, err := h.grants.ListGrants(administrator, &signetv1.ListGrantsRequest{Subject: mine.GetSubject(), IncludeEnded: true})
	must(t, err)
	var clients []string
	for _, g := range page.GetGrants() {
		clients = append(clients, g.GetClientId())
	}
	if !slices.Contains(clients, "web") || !slices.Contains(clients, "other") {
		t.Errorf("an administrator sees the grants of %q", clients)
	}
	_, err = h.grants.RevokeGrant(administrator, &signetv1.RevokeGrantRequest{GrantId: others.GetGrantId()})
	must(t, err)
	wantGrants(t, h.grantsOf(t, "other", list))
	page, err = h.grants.ListGrants(administrator, list)
	must(t, err)
	all, err = h.grants.RevokeAllGrants(administrator, &signetv1.RevokeAllGrantsRequest{Subject: mine.GetSubject()})
	must(t, err)
	if int(all.GetRevoked()) != len(page.GetGrants()) {
		t.Errorf("%d revoked of %d", all.GetRevoked(), len(page.GetGrants()))
	}
}

func TestGrantServiceWantsAClientThatProvesItself(t *testing.T) {
	h := openHouse(t)
	in := h.login(t, "spa")
	calls := map[string]func(ctx context.Context) error{
		"ListGrants": func(ctx context.Context) error {
			_, err := h.grants.ListGrants(ctx, &signetv1.ListGrantsRequest{Subject: in.GetSubject()})
			return err
		},
		"RevokeGrant": func(ctx context.Context) error {
			_, err := h.grants.RevokeGrant(ctx, &signetv1.RevokeGrantRequest{GrantId: in.GetGrantId()})
			return err
		},
		"RevokeAllGrants": func(ctx context.Context) error {
			_, err := h.grants.RevokeAllGrants(ctx, &signetv1.RevokeAllGrantsRequest{Subject: in.GetSubject()})
			return err
		},
	}
	for name, call := range calls {
		if err := call(h.as(t, "spa")); status.Code(err) != codes.PermissionDenied || reason(err) != "UNAUTHORIZED_CLIENT" {
			t.Errorf("%s of a public client: %v", name, err)
		}
		if err := call(soon(t)); reason(err) != "INVALID_CLIENT" {
			t.Errorf("%s of nobody: %v", name, err)
		}
	}
	if _, err := h.tokens.Refresh(h.as(t, "spa"), &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()}); err != nil {
		t.Errorf("after the refusals: %v", err)
	}
}

// Log out everywhere else: all but the device that asks; and every end is known to the next refresh.
func TestRevokeAllGrantsButOne(t *testing.T) {
	h := openHouse(t)
	kept, gone, another := h.login(t, "web"), h.login(t, "web"), h.login(t, "web")
	all, err := h.grants.RevokeAllGrants(h.as(t, "web"), &signetv1.RevokeAllGrantsRequest{
		Subject: kept.GetSubject(), ExceptGrantId: kept.GetGrantId(),
	})
	must(t, err)
	if all.GetRevoked() != 2 {
		t.Errorf("%d revoked, want 2", all.GetRevoked())
	}
	for _, in := range []*signetv1.TokenResponse{gone, another} {
		if _, err := h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()}); reason(err) != "INVALID_GRANT" {
			t.Errorf("a revoked grant is refreshed: %v", err)
		}
	}
	_, err = h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: kept.GetRefreshToken()})
	must(t, err)
	for range 2 { // ending what has ended is success
		_, err = h.grants.RevokeGrant(h.as(t, "web"), &signetv1.RevokeGrantRequest{GrantId: kept.GetGrantId()})
		must(t, err)
	}
	if _, err := h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: kept.GetRefreshToken()}); reason(err) != "INVALID_GRANT" {
		t.Errorf("a revoked grant is refreshed: %v", err)
	}
}

// Rule 69: each end of grants has one record, written before the answer. To end what has ended has one too, and ended none.
func TestRule69_EndsOfGrantsAreAudited(t *testing.T) {
	h := openHouse(t)
	one, two, three := h.login(t, "web"), h.login(t, "web"), h.login(t, "web")
	var got []string
	record := func(e audit.Event) error {
		got = append(got, fmt.Sprint(e.Name, " ", e.Actor.Name, " ", e.Target(), " ", e.Reason, " ", e.Count, " ", e.Kept, " ", e.Actor.RequestID != ""))
		return nil
	}
	h.audit.Store(&record)
	web := h.as(t, "web")
	for range 2 {
		_, err := h.grants.RevokeGrant(web, &signetv1.RevokeGrantRequest{GrantId: one.GetGrantId()})
		must(t, err)
	}
	_, err := h.grants.RevokeAllGrants(web, &signetv1.RevokeAllGrantsRequest{Subject: two.GetSubject(), ExceptGrantId: three.GetGrantId()})
	must(t, err)
	want := []string{
		"grant.revoked web grant:" + one.GetGrantId() + " client 1  true",
		"grant.revoked web grant:" + one.GetGrantId() + " client 0  true",
		"grant.revoked web user:" + two.GetSubject() + " client 1 " + three.GetGrantId() + " true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	full := func(audit.Event) error { return errors.New("disk full") }
	h.audit.Store(&full)
	if _, err := h.grants.RevokeGrant(web, &signetv1.RevokeGrantRequest{GrantId: three.GetGrantId()}); reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("without an audit log: %v", err)
	}
	if _, err := h.grants.RevokeAllGrants(web, &signetv1.RevokeAllGrantsRequest{Subject: "7"}); reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("without an audit log: %v", err)
	}
}

// Rule 70: page tokens are authenticated, and each goes on with its own question only. What somebody made up is refused
// before the store is asked: it is closed.
func TestRule70_PageTokensAreAuthenticated(t *testing.T) {
	h := openHouse(t)
	for _, subject := range []string{"7", "8"} {
		for range 2 {
			h.mint(t, "mesh", &signetv1.MintRequest{Subject: subject, Audience: []string{"api-es"}, Refresh: true})
		}
	}
	page, err := h.grants.ListGrants(h.as(t, "mesh"), &signetv1.ListGrantsRequest{Subject: "7", PageSize: 1})
	must(t, err)
	good, mesh, web := page.GetNextPageToken(), h.as(t, "mesh"), h.as(t, "web")
	must(t, h.store.Close())
	refused := func(why string, ctx context.Context, r *signetv1.ListGrantsRequest) {
		t.Helper()
		if _, err := h.grants.ListGrants(ctx, r); status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_REQUEST" {
			t.Errorf("%s: %v", why, err)
		}
	}
	refused("another subject", mesh, &signetv1.ListGrantsRequest{Subject: "8", PageToken: good})
	refused("another client", web, &signetv1.ListGrantsRequest{Subject: "7", PageToken: good})
	refused("another question", mesh, &signetv1.ListGrantsRequest{Subject: "7", PageToken: good, IncludeEnded: true})
	for _, text := range []string{
		"x", good + "A", good[:len(good)-1], "' OR 1=1 --", "%00", good + good, good + "=",
		page.GetGrants()[0].GetGrantId(),
	} {
		refused(text, mesh, &signetv1.ListGrantsRequest{Subject: "7", PageToken: text})
	}
	if _, err := h.grants.ListGrants(mesh, &signetv1.ListGrantsRequest{Subject: "7", PageToken: good}); reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("the good one, without a store: %v", err)
	}
}

func TestMalformedGrantRequests(t *testing.T) {
	h := openHouse(t)
	web := h.as(t, "web")
	list := func(r *signetv1.ListGrantsRequest) error { _, err := h.grants.ListGrants(web, r); return err }
	one := func(id string) error {
		_, err := h.grants.RevokeGrant(web, &signetv1.RevokeGrantRequest{GrantId: id})
		return err
	}
	all := func(subject, except string) error {
		_, err := h.grants.RevokeAllGrants(web, &signetv1.RevokeAllGrantsRequest{Subject: subject, ExceptGrantId: except})
		return err
	}
	for name, err := range map[string]error{
		"list of nobody":        list(&signetv1.ListGrantsRequest{}),
		"list, long subject":    list(&signetv1.ListGrantsRequest{Subject: strings.Repeat("x", 256)}),
		"list, control":         list(&signetv1.ListGrantsRequest{Subject: "a\x00b"}),
		"list, negative size":   list(&signetv1.ListGrantsRequest{Subject: "7", PageSize: -1}),
		"list, huge size":       list(&signetv1.ListGrantsRequest{Subject: "7", PageSize: 1001}),
		"list, long page token": list(&signetv1.ListGrantsRequest{Subject: "7", PageToken: strings.Repeat("x", 1<<10+1)}),
		"revoke nothing":        one(""),
		"revoke malformed":      one(strings.Repeat("G", 32)),
		"revoke upper case":     one(strings.Repeat("A", 32)),
		"revoke long":           one(strings.Repeat("0", 34)),
		"all of nobody":         all("", ""),
		"all, control":          all("a\nb", ""),
		"all but malformed":     all("7", "x"),
		"all but long":          all("7", strings.Repeat("0", 33)),
	} {
		if status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_REQUEST" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
