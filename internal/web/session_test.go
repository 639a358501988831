package web

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
	"github.com/signetd/signet/keys"
)

// The origins of the applications: one for each way, and two for development.
const (
	pageOrigin      = "https://page.example"
	shopOrigin      = "https://shop.example"
	shopDevelopment = "http://localhost:5173"
	deskOrigin      = "https://desk.example"
	deskDevelopment = "http://127.0.0.1:5174"
	tillOrigin      = "https://till.example"

	shopCookie   = "__Host-Http-signet-shop"
	deskCookie   = "__Host-Http-signet-desk"
	deviceCookie = "__Host-Http-signet-device"
)

// browserSetup has a client for each way: page, shop (refresh cookie) and desk
// (session cookie). till is another one with a session cookie.
var browserSetup = &issuertest.Setup{
	Issuer:    issuerID,
	Audiences: []client.Audience{{ID: api, Algorithm: keys.ES256}, {ID: files, Algorithm: keys.EdDSA}},
	Clients: []client.Client{
		application("page", client.WayPage, "", pageOrigin),
		application("shop", client.WayRefresh, "", shopOrigin, shopDevelopment),
		application("desk", client.WaySession, "/sign-in", deskOrigin, deskDevelopment),
		application("till", client.WaySession, "", tillOrigin),
		{ID: api},
	},
	Users: []issuertest.User{{Name: username, Password: password}, {Name: "eve", Password: password}},
}

func application(id string, way client.Way, loginPath string, origins ...string) client.Client {
	return client.Client{
		ID: id, Public: true, Audiences: []string{api, files}, Scope: oauth.NewScope("read", "write"),
		Browser: &client.Browser{Way: way, Origins: origins, LoginPath: loginPath},
	}
}

// newPages returns a fixture with applications in the browser.
func newPages(t *testing.T, edit ...func(*components.Options)) *fixture {
	t.Helper()
	return newPagesAt(t, issuerID, edit...)
}

func newPagesAt(t *testing.T, identifier string, edit ...func(*components.Options)) *fixture {
	t.Helper()
	edit = append(edit, func(o *components.Options) { o.Issuer = identifier })
	f := &fixture{Fixture: issuertest.New(t, browserSetup, edit...)}
	f.Run(t)
	o := f.options(identifier)
	o.Proxies.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	f.start(t, o)
	return f
}

// A call is a request of a page, without what ask adds.
type call struct {
	method string // POST if empty
	path   string
	origin string
	cookie string
	// header replaces headers. A nil value removes one.
	header http.Header
	host   string
	body   string // {} if empty
}

// An answer is a response to a page.
type answer struct {
	jsonResponse
	raw string
}

// cookies returns the Set-Cookie headers.
func (a answer) cookies() []string { return a.Header.Values("Set-Cookie") }

// value returns the value of a cookie that the response sets.
func (a answer) value(name string) string {
	for _, c := range a.Response.Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// ask sends a request as a browser does from a page of the same site.
func (f *fixture) ask(t *testing.T, c call) answer {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodPost
	}
	if c.body == "" {
		c.body = "{}"
	}
	request, err := http.NewRequestWithContext(t.Context(), c.method, f.url+c.path, strings.NewReader(c.body))
	must(t, err)
	request.Header = http.Header{
		"Origin": {c.origin}, "Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/json"},
		"Idempotency-Key": {"any key"},
	}
	if c.cookie != "" {
		request.Header.Set("Cookie", c.cookie)
	}
	maps.Copy(request.Header, c.header)
	request.Host = c.host
	direct := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := direct.Do(request)
	must(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	must(t, err)

	a := answer{jsonResponse{Response: response}, string(raw)}
	if len(raw) > 0 {
		must(t, json.NewDecoder(bytes.NewReader(raw)).Decode(&a.body))
	}
	return a
}

// credentials returns the body of a login.
func credentials(name, secret string, more ...string) string {
	return `{"username":"` + name + `","password":"` + secret + `"` + strings.Join(more, "") + `}`
}

// logIn logs the user in from a page of that origin.
func (f *fixture) logIn(t *testing.T, origin, cookie string) answer {
	t.Helper()
	a := f.ask(t, call{path: sessionLoginPath, origin: origin, cookie: cookie, body: credentials(username, password)})
	a.want(t, "login from "+origin, http.StatusOK, "")
	return a
}

// renew sends a cookie to the refresh endpoint. An empty key stands for one
// that does not matter.
func (f *fixture) renew(t *testing.T, origin, cookie, key string) answer {
	t.Helper()
	c := call{path: sessionRefreshPath, origin: origin, cookie: cookie}
	if key != "" {
		c.header = http.Header{"Idempotency-Key": {key}}
	}
	return f.ask(t, c)
}

// wantCookies compares the Set-Cookie headers byte by byte.
func (a answer) wantCookies(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := a.cookies(); !slices.Equal(got, want) {
		t.Errorf("%s: got the cookies\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// seconds returns session_expires_in and more, as Max-Age has it.
func (a answer) seconds(more time.Duration) string {
	idle, _ := a.body["session_expires_in"].(float64)
	return strconv.Itoa(int(idle) + int(more.Seconds()))
}

// names returns the names of the members of the body, sorted.
func (a answer) names() string { return strings.Join(slices.Sorted(maps.Keys(a.body)), " ") }

func TestSessionLogin_TheWayDecidesWhatThePageGets(t *testing.T) {
	f := newPages(t)

	page := f.logIn(t, pageOrigin, "")
	shop := f.logIn(t, shopOrigin, "")
	desk := f.logIn(t, deskOrigin, "")
	const login = "access_token expires_in %sscope session_expires_in session_id subject token_type"
	for got, want := range map[string]string{
		page.names(): strings.Replace(login, "%s", "refresh_token ", 1),
		shop.names(): strings.Replace(login, "%s", "", 1),
		desk.names(): "session_expires_in session_id subject",
	} {
		if got != want {
			t.Errorf("got the members %q, want %q", got, want)
		}
	}
	for _, a := range []answer{page, shop, desk} {
		idle, _ := a.body["session_expires_in"].(float64)
		if idle < 3590 || idle > 3600 || a.Header.Get("Cache-Control") != "no-store" || a.text("subject") == "" {
			t.Errorf("got %v %v", a.Header, a.body)
		}
	}
	state := f.post(t, "/oauth2/introspect", f.basic(api), "token", shop.text("access_token"))
	if state.body["active"] != true || state.body["sid"] == "" || state.body["client_id"] != "shop" {
		t.Errorf("introspected as %v", state.body)
	}
	g, err := f.Store.Grant(t.Context(), grantID(t, shop))
	must(t, err)
	if g.UserID != shop.text("subject") || g.IP != "127.0.0.1" {
		t.Errorf("the grant of session_id is %+v", g)
	}

	device := func(a answer) string {
		value := a.value(deviceCookie)
		return deviceCookie + "=" + value + "; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict"
	}
	page.wantCookies(t, "page", device(page))
	shop.wantCookies(t, "refresh cookie",
		shopCookie+"="+shop.value(shopCookie)+"; Path=/; Max-Age="+shop.seconds(0)+
			"; HttpOnly; Secure; SameSite=Strict",
		device(shop))
	desk.wantCookies(t, "session cookie",
		deskCookie+"="+desk.value(deskCookie)+"; Path=/; Max-Age="+desk.seconds(30*24*time.Hour-time.Hour)+
			"; HttpOnly; Secure; SameSite=Lax", device(desk))
	for value, prefix := range map[string]string{
		shop.value(shopCookie): "sgr_", desk.value(deskCookie): "sgb_", shop.value(deviceCookie): "sgd_",
	} {
		if len(value) != 64 || !strings.HasPrefix(value, prefix) {
			t.Errorf("got the value %q, want 64 characters that begin with %s", value, prefix)
		}
	}
	if strings.Contains(shop.raw, "sgr_") || strings.Contains(desk.raw, "sgb_") || strings.Contains(desk.raw, "eyJ") {
		t.Errorf("a body has a token: %s %s", shop.raw, desk.raw)
	}
}

// grantID returns the grant of a login.
func grantID(t *testing.T, a answer) oauth.GrantID {
	t.Helper()
	id, err := oauth.ParseGrantID(a.text("session_id"))
	must(t, err)
	return id
}

// Rule 60: the password of a login from another page is not verified.
//
// Statement 14 of docs/browser.md: a request that is not from a page of the
// application gets 403 and no cookie.
func TestSession_RefusesOtherPages(t *testing.T) {
	t.Parallel() // it mostly waits
	f := newPages(t, func(o *components.Options) { o.Limits.AddressPerHour = throttle.MinPerHour })
	f.Events.Reset()
	form := url.Values{"username": {username}, "password": {"wrong"}}.Encode()
	text, urlencoded := []string{"text/plain"}, []string{"application/x-www-form-urlencoded"}
	sameSite := []string{"same-site"}
	for name, c := range map[string]call{
		"another site":              {header: http.Header{"Sec-Fetch-Site": {"cross-site"}}},
		"an invalid site":           {header: http.Header{"Sec-Fetch-Site": {"Same-Origin"}}},
		"two sites":                 {header: http.Header{"Sec-Fetch-Site": {"same-origin", "cross-site"}}},
		"an origin that is unknown": {origin: "https://evil.example"},
		"a sub-domain":              {origin: "https://evil.shop.example", header: http.Header{"Sec-Fetch-Site": sameSite}},
		"another scheme":            {origin: "http://shop.example"},
		"another port":              {origin: "https://shop.example:8443"},
		"another spelling":          {origin: "https://SHOP.example"},
		"a slash":                   {origin: shopOrigin + "/"},
		"no origin":                 {header: http.Header{"Origin": nil}},
		"an empty origin":           {header: http.Header{"Origin": {""}}},
		"null":                      {origin: "null"},
		"two origins":               {header: http.Header{"Origin": {shopOrigin, shopOrigin}}},
		"a list of origins":         {origin: shopOrigin + ", " + shopOrigin},
		"text":                      {header: http.Header{"Content-Type": text}},
		"no type":                   {header: http.Header{"Content-Type": nil}},
		"another charset":           {header: http.Header{"Content-Type": {"application/json; charset=utf-16"}}},
		"a form of a sub-domain": {
			body: form, header: http.Header{"Content-Type": urlencoded, "Sec-Fetch-Site": sameSite},
		},
		"a form with another host": {
			body: form, host: "login.example", header: http.Header{"Content-Type": urlencoded, "Sec-Fetch-Site": nil},
		},
		"a form of a page with JSON": {body: form, origin: pageOrigin, header: http.Header{"Content-Type": urlencoded}},
		"a form with files": {
			body: form, header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}},
		},
	} {
		for _, path := range []string{sessionLoginPath, sessionRefreshPath, sessionLogoutPath} {
			c.path = path
			if c.origin == "" {
				c.origin = shopOrigin
			}
			if c.body == "" {
				c.body = credentials(username, "wrong")
			}
			a := f.ask(t, c)
			a.want(t, name+" at "+path, http.StatusForbidden, "access_denied")
			a.wantCookies(t, name+" at "+path)
			allowed := a.Header.Get("Access-Control-Allow-Origin")
			if allowed != "" && allowed != shopOrigin && allowed != pageOrigin {
				t.Errorf("%s: Access-Control-Allow-Origin is %q", name, allowed)
			}
		}
	}
	if n := len(f.Events.All()); n != 0 {
		t.Errorf("there are %d audit events: %v", n, f.Events.All())
	}
	// More requests than the address has attempts were refused, and it has all
	// of them left.
	f.logIn(t, shopOrigin, "")
	if n := f.Events.Count(audit.LoginSucceeded); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestSessionRefresh_SetsTheCookieAgain(t *testing.T) {
	f := newPages(t)
	login := f.logIn(t, shopOrigin, "")
	a := f.renew(t, shopOrigin, shopCookie+"="+login.value(shopCookie), "browser-1")
	a.want(t, "refresh", http.StatusOK, "")
	a.wantCookies(t, "refresh",
		shopCookie+"="+a.value(shopCookie)+"; Path=/; Max-Age="+a.seconds(0)+"; HttpOnly; Secure; SameSite=Strict")
	if a.names() != login.names() || a.value(shopCookie) == login.value(shopCookie) ||
		a.text("session_id") != login.text("session_id") {
		t.Errorf("got %v after %v", a.body, login.body)
	}

	desk := f.logIn(t, deskOrigin, "")
	f.Pass(t, 30*time.Minute)
	a = f.renew(t, deskOrigin, deskCookie+"="+desk.value(deskCookie), "browser-1")
	a.want(t, "extension", http.StatusOK, "")
	a.wantCookies(t, "extension")
	if idle, _ := a.body["session_expires_in"].(float64); idle < 3590 || a.names() != desk.names() {
		t.Errorf("got %v after %v", a.body, desk.body)
	}
	f.Pass(t, 59*time.Minute)
	f.renew(t, deskOrigin, deskCookie+"="+desk.value(deskCookie), "").want(t, "within the idle time", http.StatusOK, "")
	f.Pass(t, 61*time.Minute)
	a = f.renew(t, deskOrigin, deskCookie+"="+desk.value(deskCookie), "")
	a.want(t, "after the idle time", http.StatusUnauthorized, "login_required")
	a.wantCookies(t, "after the idle time", deskCookie+"=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
}
