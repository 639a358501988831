package web_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/internal/web"
	"github.com/signetd/signet/keys"
)

// gatewaySetup has a client with a session cookie.
var gatewaySetup = &issuertest.Setup{
	Audiences: []client.Audience{{ID: issuertest.API, Algorithm: keys.EdDSA}},
	Clients: []client.Client{
		{
			ID: "shop", Public: true, Audiences: []string{issuertest.API}, Scope: oauth.NewScope("read"),
			Browser: &client.Browser{Way: client.WaySession, Origins: []string{"https://shop.example"}},
		},
	},
}

// A gateway is a program that asks the server at gateway.address.
type gateway struct {
	url, address string
	// cookie is that of a session of the client shop.
	cookie string
}

func newGateway(t testing.TB) gateway {
	t.Helper()
	f := issuertest.New(t, gatewaySetup)
	f.Run(t)
	log := slog.New(slog.DiscardHandler)
	s := httptest.NewUnstartedServer(nil)
	s.Config = web.NewGatewayServer(web.GatewayHandler(web.GatewayOptions{Checker: f.Checker, Log: log}), 100, log)
	s.Start()
	t.Cleanup(s.Close)

	user, err := f.Admin.CreateUser(t.Context(), issuertest.Operator, "ada", issuertest.Password, nil)
	mustPass(t, err)
	handle, now, shop := token.NewHandle(), f.Registry.Now(), f.Caller(t, "shop")
	g := f.Grants.New(shop.Client, user.ID, handle.GrantID(), now)
	g.Audience, g.Scope, g.AuthTime = []string{issuertest.API}, oauth.NewScope("read"), now
	g.MACKey, _, err = f.Keys.CurrentMAC()
	mustPass(t, err)
	mustPass(t, f.Grants.Create(t.Context(), shop, g, user.Epoch))
	text, err := f.Grants.SessionToken(t.Context(), g, handle)
	mustPass(t, err)
	return gateway{url: s.URL, address: s.Listener.Addr().String(), cookie: "__Host-Http-signet-shop=" + text}
}

func mustPass(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A question is what a gateway sends.
type question struct {
	path, method string
	header       map[string]string
}

// about returns a question with the headers in which gateways report a request,
// and others, which may replace them.
func about(path string, others ...string) question {
	q := question{path: path, header: map[string]string{
		"X-Forwarded-Method": "GET", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example",
		"X-Forwarded-Uri": "/cart?a=b", "Host": "shop.example",
	}}
	for i := 0; i < len(others); i += 2 {
		q.header[others[i]] = others[i+1]
	}
	return q
}

// ask sends a question over a connection of its own, and does not follow a
// redirect.
func (g gateway) ask(t testing.TB, q question) (*http.Response, string) {
	t.Helper()
	c, err := net.DialTimeout("tcp", g.address, 5*time.Second)
	mustPass(t, err)
	defer c.Close()
	mustPass(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	method := q.method
	if method == "" {
		method = http.MethodGet
	}
	text := method + " " + q.path + " HTTP/1.1\r\nConnection: close\r\n"
	for name, value := range q.header {
		if value != "" {
			text += name + ": " + value + "\r\n"
		}
	}
	_, err = io.WriteString(c, text+"\r\n")
	mustPass(t, err)
	return readResponse(t, c, method)
}

// Statement 17 of docs/browser.md: every answer of 200 has both headers, also
// if they are empty.
func TestGateway_PassesWithBothHeaders(t *testing.T) {
	g := newGateway(t)
	for _, path := range []string{"/auth-request/-", "/forward-auth/-", "/ext-authz/-/cart", "/ext-authz/-//evil"} {
		for cookie, rest := range map[string]string{"a=1; " + g.cookie + "; b=2": "a=1; b=2", g.cookie: ""} {
			r, _ := g.ask(t, about(path, "Cookie", cookie, "Authorization", "Bearer forged"))
			authorization, cookies := r.Header["Authorization"], r.Header["Cookie"]
			if r.StatusCode != http.StatusOK || len(authorization) != 1 || len(cookies) != 1 ||
				!strings.HasPrefix(authorization[0], "Bearer eyJ") || cookies[0] != rest ||
				r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
			}
		}
		r, _ := g.ask(t, about("/optional"+path, "Authorization", "Bearer forged"))
		if r.StatusCode != http.StatusOK || len(r.Header["Authorization"]) != 1 || len(r.Header["Cookie"]) != 1 ||
			r.Header.Get("Authorization") != "" {
			t.Errorf("/optional%s: %d %v", path, r.StatusCode, r.Header)
		}
	}
}

// A page is redirected to the login page, by the gateways that can do that. An
// API gets 401.
func TestGateway_NotLoggedIn(t *testing.T) {
	g := newGateway(t)
	const login = "https://shop.example/login?return_to=%2Fcart%3Fa%3Db"
	for _, c := range []struct {
		path, mode, location, header string
		status                       int
	}{
		{"/auth-request/-", "navigate", "", login, 401},
		{"/auth-request/-", "cors", "", "", 401},
		{"/forward-auth/-", "navigate", login, "", 302},
		{"/forward-auth/-", "cors", "", "", 401},
		{"/ext-authz/-/cart?a=b", "navigate", login, "", 302},
		{"/ext-authz/-/cart?a=b", "cors", "", "", 401},
	} {
		r, _ := g.ask(t, about(c.path, "Sec-Fetch-Mode", c.mode))
		if r.StatusCode != c.status || r.Header.Get("Location") != c.location ||
			r.Header.Get("X-Signet-Login") != c.header || r.Header.Get("Cache-Control") != "no-store" ||
			(r.Header.Get("WWW-Authenticate") != "") != (c.status == 401) {
			t.Errorf("%s %s: %d %v", c.path, c.mode, r.StatusCode, r.Header)
		}
	}
}

// Statement 19 of docs/browser.md: no path and no host causes a redirect to
// another site, and the server's router redirects nothing.
func TestGateway_NoForeignRedirects(t *testing.T) {
	g := newGateway(t)
	for _, uri := range []string{
		"//evil.example", `/\evil.example`, "/%0d%0aLocation:%20https://evil.example", "/../evil", "/a//b", "/./x",
		"///evil.example", "/%2f/evil.example", "/@evil.example", "/?return_to=https://evil.example",
	} {
		for _, path := range []string{"/ext-authz/-" + uri, "/forward-auth/-", "/auth-request/-"} {
			r, _ := g.ask(t, about(path, "Sec-Fetch-Mode", "navigate", "X-Forwarded-Uri", uri))
			to := r.Header.Get("Location") + r.Header.Get("X-Signet-Login")
			if r.StatusCode != http.StatusFound && r.StatusCode != http.StatusUnauthorized ||
				!strings.HasPrefix(to, "https://shop.example/login?return_to=%2F") ||
				strings.ContainsAny(strings.TrimPrefix(to, "https://shop.example/login?"), "/\\\r\n") {
				t.Errorf("%s, %s: %d %s", path, uri, r.StatusCode, to)
			}
			r, _ = g.ask(t, about(path, "Sec-Fetch-Mode", "navigate", "X-Forwarded-Host", "evil.example",
				"Host", "evil.example", "Cookie", g.cookie))
			if r.StatusCode != http.StatusForbidden || r.Header.Get("Location") != "" {
				t.Errorf("%s: a foreign host: %d %v", path, r.StatusCode, r.Header)
			}
		}
	}
	for _, path := range []string{"/", "//forward-auth/-", "/forward-auth", "/session/login", "/x/../forward-auth/-"} {
		if r, _ := g.ask(t, about(path)); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

// A question that does not report all of the request is not answered.
func TestGateway_RequiresTheForwardedHeaders(t *testing.T) {
	g := newGateway(t)
	for _, path := range []string{"/auth-request/-", "/optional/forward-auth/-"} {
		for _, name := range []string{"Method", "Proto", "Host", "Uri"} {
			if r, _ := g.ask(t, about(path, "X-Forwarded-"+name, "", "Cookie", g.cookie)); r.StatusCode != 403 {
				t.Errorf("%s without X-Forwarded-%s: %d", path, name, r.StatusCode)
			}
		}
	}
	if r, _ := g.ask(t, about("/ext-authz/-/", "X-Forwarded-Proto", "", "Cookie", g.cookie)); r.StatusCode != 403 {
		t.Errorf("/ext-authz without X-Forwarded-Proto: %d", r.StatusCode)
	}
}

// Envoy sends the method of the request itself. The other forms have it in a
// header. A request that another site may have caused does not pass.
func TestGateway_Methods(t *testing.T) {
	g := newGateway(t)
	for _, c := range []struct {
		q    question
		want int
	}{
		{about("/forward-auth/-", "Cookie", g.cookie, "X-Forwarded-Method", "POST"), 403},
		{about("/forward-auth/-", "Cookie", g.cookie, "X-Forwarded-Method", "POST", "Origin", "https://shop.example"), 200},
		{question{path: "/ext-authz/-/", method: "POST", header: about("", "Cookie", g.cookie).header}, 403},
		{question{
			path: "/ext-authz/-/", method: "POST",
			header: about("", "Cookie", g.cookie, "Sec-Fetch-Site", "same-origin").header,
		}, 200},
	} {
		if r, _ := g.ask(t, c.q); r.StatusCode != c.want {
			t.Errorf("%+v: %d, want %d", c.q, r.StatusCode, c.want)
		}
	}
}

// The headers may have 64 KiB, with the cookies of the application.
func TestGateway_LargeCookies(t *testing.T) {
	g := newGateway(t)
	r, _ := g.ask(t, about("/forward-auth/-", "Cookie", "a="+strings.Repeat("x", 48<<10)+"; "+g.cookie))
	if r.StatusCode != http.StatusOK || len(r.Header.Get("Cookie")) != 48<<10+2 {
		t.Errorf("%d, with %d bytes of cookies", r.StatusCode, len(r.Header.Get("Cookie")))
	}
	r, _ = g.ask(t, about("/forward-auth/-", "Cookie", "a="+strings.Repeat("x", 80<<10)+"; "+g.cookie))
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("80 KiB: %d", r.StatusCode)
	}
}

// readResponse reads a response and its body.
func readResponse(t testing.TB, c net.Conn, method string) (*http.Response, string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	mustPass(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	mustPass(t, err)
	return r, string(body)
}
