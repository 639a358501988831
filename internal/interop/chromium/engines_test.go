package chromium

import (
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"
)

// A webDriver controls another browser.
type webDriver struct {
	// navigate opens a page, and waits until it is loaded.
	navigate func(url string)
	// run runs a script that calls its last argument with the result.
	run func(script string, out any)
	// cookies returns the cookies that the page's requests have.
	cookies func() []webCookie
}

// A webCookie is a cookie as WebDriver describes it.
type webCookie struct {
	Name     string `json:"name"`
	Path     string `json:"path"`
	Secure   bool   `json:"secure"`
	HTTPOnly bool   `json:"httpOnly"`
	SameSite string `json:"sameSite"`
}

// decodeValue decodes the member value of a WebDriver answer, or the answer if
// it has no such member.
func decodeValue(t *testing.T, answer []byte, out any) {
	t.Helper()
	var wrapped struct {
		Value json.RawMessage `json:"value"`
	}
	if json.Unmarshal(answer, &wrapped) == nil && wrapped.Value != nil {
		answer = wrapped.Value
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
}

// The other engines log in, reload, call an API and log out, and they hold the
// cookies as Chromium does: with the prefix at an https origin, and without it
// at a loopback origin, where WebKit stores no cookie that is Secure.
func TestOtherEngines(t *testing.T) {
	if !isLong() {
		t.Skip("it needs Firefox and WebKit: SIGNET_TEST_LONG=1 runs it")
	}
	t.Parallel()
	for name, start := range map[string]func(*testing.T) webDriver{"Firefox": startFirefox, "WebKit": startWebKit} {
		for _, scheme := range []string{"http", "https"} {
			for _, way := range []string{"page", "refresh", "session"} {
				t.Run(name+" "+scheme+" "+way, func(t *testing.T) {
					a := listenApp(t)
					_, port, err := net.SplitHostPort(a.server.Listener.Addr().String())
					if err != nil {
						t.Fatal(err)
					}
					a.origin = scheme + "://localhost:" + port
					origins := []string{a.origin}
					if scheme == "http" {
						origins = append(origins, "https://shop.example")
					}
					i := newIssuer(t, way, 10*time.Minute, origins...)
					a.start(t, "http://"+i.http)
					checkEngine(t, start(t), a, i, way)
				})
			}
		}
	}
}

// checkEngine uses the application in one browser.
func checkEngine(t *testing.T, d webDriver, a *app, i *issuer, way string) {
	t.Helper()
	// state waits until the session is known, and describes it.
	const state = `(async () => {
		while (window.signet?.session === undefined) await new Promise((next) => setTimeout(next, 20));
		return signet.session === null ? "none" : signet.session.session_id;
	})()`
	eval := func(expression string) (result string) {
		d.run(fmt.Sprintf(`const done = arguments[arguments.length - 1];
			Promise.resolve(%s).then((value) => done(String(value)), (error) => done("error: " + error))`, expression), &result)
		return result
	}

	d.navigate(a.origin + "/")
	if got := eval(state); got != "none" {
		t.Fatalf("the session is %q before the login, want none", got)
	}
	id := eval(fmt.Sprintf(`signet.login({ username: %q, password: %q }).then((s) => s.session_id)`, username, password))
	if len(id) != 32 {
		t.Fatalf("the login returns the session %q, want an id", id)
	}
	token := eval(`signet.token()`)
	if held := len(token) > 100; held == (way == "session") {
		t.Errorf("signet.token() returns %q", token)
	}
	want := "Bearer " + token
	if way == "session" {
		want = ""
	}
	if got := eval(`signet.fetch("/api/a").then((r) => r.json()).then((echo) => echo.authorization)`); got != want {
		t.Errorf("the API gets the authorization %q, want %q", got, want)
	}
	checkEngineCookies(t, d.cookies(), a, way)

	d.navigate(a.origin + "/?again")
	if got := eval(state); got != id {
		t.Errorf("the session is %q after another load, want %q", got, id)
	}
	if got := eval(`signet.logout().then(() => window.violations.length)`); got != "0" {
		t.Errorf("the logout, or the number of violations of the policy, is %q, want 0", got)
	}
	if got := eval(state); got != "none" {
		t.Errorf("the session is %q after the logout, want none", got)
	}
	if states := i.grants(t); len(states) != 1 || states[0] != "revoked" {
		t.Errorf("the grants are %v after the logout, want one that is revoked", states)
	}
}

// checkEngineCookies checks the cookies after a login.
func checkEngineCookies(t *testing.T, cookies []webCookie, a *app, way string) {
	t.Helper()
	secure := a.origin[:6] == "https:"
	prefix := map[bool]string{true: "__Host-Http-", false: ""}[secure]
	want := map[string]string{prefix + "signet-device": "Strict"}
	switch way {
	case "refresh":
		want[prefix+"signet-"+clientID] = "Strict"
	case "session":
		want[prefix+"signet-"+clientID] = "Lax"
	}
	for _, c := range cookies {
		if want[c.Name] != c.SameSite || !c.HTTPOnly || c.Secure != secure || c.Path != "/" {
			t.Errorf("there is a cookie %+v, want SameSite=%s, HttpOnly, Path=/, Secure: %v", c, want[c.Name], secure)
		}
		delete(want, c.Name)
	}
	if len(want) != 0 {
		t.Errorf("there are no cookies %v, only %+v", want, cookies)
	}
}
