package browser_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

const (
	api   = "https://api.example"
	stock = "https://stock.example"
	other = "https://other.example"
)

// checkSetup has a client with a session cookie, which may not request tokens
// for the audience other.
var checkSetup = &issuertest.Setup{
	Audiences: []client.Audience{
		{ID: api, Algorithm: keys.EdDSA}, {ID: stock, Algorithm: keys.EdDSA}, {ID: other, Algorithm: keys.EdDSA},
	},
	Clients: []client.Client{
		{
			ID: "shop", Public: true, Audiences: []string{api, stock}, Scope: oauth.NewScope("read"),
			Browser: &client.Browser{Way: client.WaySession, Origins: []string{https, local}},
		},
		{
			ID: "news", Public: true, Audiences: []string{api}, Scope: oauth.NewScope("read"),
			Browser: &client.Browser{Way: client.WayRefresh, Origins: []string{"https://news.example"}},
		},
		{ID: "gateway", Audiences: []string{api}, Scope: oauth.NewScope("read")},
	},
}

// A checkFixture is a server whose store counts what it is asked.
type checkFixture struct {
	*issuertest.Fixture
	store *countingStore
	user  login.User
	// signed is the number of access tokens that were signed for sessions.
	signed atomic.Int64
}

// A countingStore counts the reads of grants and the touches. It may be away.
type countingStore struct {
	components.ServiceStore
	reads, touches atomic.Int64
	away           atomic.Bool
	failTouch      atomic.Bool
	// reading is called before each read of a grant, unless it is nil.
	reading func(ctx context.Context)
}

var errAway = errors.New("the store is away")

func (s *countingStore) Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error) {
	s.reads.Add(1)
	if s.reading != nil {
		s.reading(ctx)
	}
	if s.away.Load() {
		return grant.Grant{}, errAway
	}
	return s.ServiceStore.Grant(ctx, id)
}

func (s *countingStore) TouchGrant(ctx context.Context, id oauth.GrantID, at time.Time) error {
	if s.away.Load() || s.failTouch.Load() {
		return errAway
	}
	s.touches.Add(1)
	return s.ServiceStore.TouchGrant(ctx, id, at)
}

func (s *countingStore) DirectoryVersion(ctx context.Context) (int64, time.Time, error) {
	if s.away.Load() {
		return 0, time.Time{}, errAway
	}
	return s.ServiceStore.DirectoryVersion(ctx)
}

func (s *countingStore) Revocations(ctx context.Context, from int64, limit int) (grant.LogPage, error) {
	if s.away.Load() {
		return grant.LogPage{}, errAway
	}
	return s.ServiceStore.Revocations(ctx, from, limit)
}

func newCheckFixture(t testing.TB, edit ...func(*components.Options)) *checkFixture {
	t.Helper()
	f := new(checkFixture)
	f.Fixture = issuertest.New(t, checkSetup, append(edit, f.observe)...)
	var err error
	f.user, err = f.Admin.CreateUser(t.Context(), issuertest.Operator, "ada", "correct horse battery staple", nil)
	must(t, err)
	return f
}

// newReplica returns another server of the same store.
func (f *checkFixture) newReplica(t testing.TB) *checkFixture {
	t.Helper()
	r := &checkFixture{user: f.user}
	r.Fixture = f.Replica(t, r.observe)
	return r
}

// observe counts, and connects the audit log to the Checker, as a server does.
func (f *checkFixture) observe(o *components.Options) {
	if s, ok := o.Store.(*countingStore); ok {
		o.Store = s.ServiceStore
	}
	f.store = &countingStore{ServiceStore: o.Store}
	o.Store = f.store
	o.Observer.Issued = func(call, _ string) {
		if call == "session" {
			f.signed.Add(1)
		}
	}
	record := o.Audit
	o.Audit = func(ctx context.Context, e audit.Event) error {
		f.Checker.Ended(e)
		return record(ctx, e)
	}
}

// withoutLog returns a Checker that does not follow the revocation log.
func (f *checkFixture) withoutLog() *browser.Checker {
	return browser.NewChecker(browser.CheckerOptions{
		Registry: f.Registry, Grants: f.Grants, Issuer: f.Issuer, Inspector: f.Inspector,
	})
}

// inCheckBubble runs a test in a synctest bubble.
func inCheckBubble(t *testing.T, test func(t *testing.T, f *checkFixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newCheckFixture(t)) })
}

// A browserSession is a session of the user at the client shop.
type browserSession struct {
	id     oauth.GrantID
	cookie string // the value
}

// open creates a grant and its session token, as a login does.
func (f *checkFixture) open(t testing.TB, audience ...string) browserSession {
	t.Helper()
	ctx, handle := t.Context(), token.NewHandle()
	shop := f.Caller(t, "shop")
	now := f.Registry.Now()
	g := f.Grants.New(shop.Client, f.user.ID, handle.GrantID(), now)
	var err error
	g.MACKey, _, err = f.Keys.CurrentMAC()
	must(t, err)
	if len(audience) == 0 {
		audience = []string{api}
	}
	g.Audience, g.Scope, g.AuthTime, g.AMR = audience, oauth.NewScope("read"), now, []string{"pwd"}
	user, err := f.Store.UserByID(ctx, f.user.ID)
	must(t, err)
	must(t, f.Grants.Create(ctx, shop, g, user.Epoch))
	text, err := f.Grants.SessionToken(ctx, g, handle)
	must(t, err)
	return browserSession{g.ID, text}
}

// request returns the request of a page's script with the cookie of a session.
func (s browserSession) request(edit ...func(*browser.CheckRequest, http.Header)) browser.CheckRequest {
	r := browser.CheckRequest{
		Audience: browser.DefaultAudience, Method: http.MethodGet, Proto: "https", Host: "shop.example", URI: "/cart",
	}
	header := http.Header{}
	if s.cookie != "" {
		header.Set("Cookie", "a=1; __Host-Http-signet-shop="+s.cookie+"; b=2")
	}
	for _, e := range edit {
		e(&r, header)
	}
	r.Header = func(name string) []string { return header[name] }
	return r
}

// set sets a header of a request.
func set(name, value string) func(*browser.CheckRequest, http.Header) {
	return func(_ *browser.CheckRequest, h http.Header) { h.Set(name, value) }
}

// check asks the server about the session.
func (f *checkFixture) check(
	t testing.TB, s browserSession, edit ...func(*browser.CheckRequest, http.Header),
) browser.Verdict {
	t.Helper()
	return f.Checker.Check(t.Context(), s.request(edit...))
}

// mustPass returns the access token of a request that passes.
func (f *checkFixture) mustPass(
	t testing.TB, s browserSession, edit ...func(*browser.CheckRequest, http.Header),
) string {
	t.Helper()
	v := f.check(t, s, edit...)
	text, ok := strings.CutPrefix(v.Authorization, "Bearer ")
	if v.Status != http.StatusOK || !ok || v.Cookie != "a=1; b=2" {
		t.Fatalf("%+v", v)
	}
	return text
}

// revoked returns the event of the end of a session.
func revoked(id oauth.GrantID) audit.Event {
	return audit.Event{Name: audit.GrantRevoked, Grant: id.String()}
}

// want reports a verdict with another status.
func want(t testing.TB, v browser.Verdict, status int) {
	t.Helper()
	if v.Status != status || v.Status != http.StatusOK && v.Authorization != "" {
		t.Errorf("status %d (%v), want %d", v.Status, v.Err, status)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
