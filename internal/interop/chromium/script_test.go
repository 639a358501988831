package chromium

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Statement 13 of docs/browser.md: signet.js runs under script-src 'self'.
// signet.fetch sends the token to the origin of the page and to named APIs
// only. It renews it after a 401 and repeats the request once.
func TestFetch_Token(t *testing.T) {
	t.Parallel()
	a, i := newApp(t, "refresh", 10*time.Minute)
	p := open(t, Start(t, t.TempDir()), a)
	p.login(t)
	first := p.token(t)

	var echo struct {
		Authorization, Body string
	}
	p.Eval(t, `signet.fetch("/api/a?status=401", { method: "POST", body: "a body" }).then((r) => r.json())`, &echo)
	second := p.token(t)
	if echo.Authorization != "Bearer "+second || second == first || echo.Body != "a body" {
		t.Errorf("the API got %+v after a 401, want the new token and the body", echo)
	}
	if n := a.count("/api/a?status=401"); n != 2 {
		t.Errorf("the request was sent %d times, want 2", n)
	}

	// These are the members that signet.d.ts declares.
	var members string
	p.Eval(t, `Object.keys(signet).sort().join()`, &members)
	if members != "close,fetch,login,logout,onChange,session,token" {
		t.Errorf("the object has the members %s", members)
	}
	var violations []string
	p.Eval(t, `window.violations`, &violations)
	if len(violations) != 0 {
		t.Errorf("signet.js violates the policy of the page: %q", violations)
	}

	p.Run(t, chromedp.Navigate(a.origin+"/plain"))
	checkOtherOrigin(t, p)
	checkIntegrity(t, p, i)
}

// checkOtherOrigin checks that an API at another origin gets a token only if it
// is named. It is the same server. The page has no policy.
func checkOtherOrigin(t *testing.T, p shopPage) {
	t.Helper()
	var got []string
	p.Eval(t, `(async () => {
		const { open } = await import("/session/signet.js");
		const other = location.origin.replace("localhost", "127.0.0.1"), got = [];
		for (const options of [{}, { apis: [other] }]) {
			const { authorization } = await (await open(options).fetch(other + "/api/b")).json();
			got.push(authorization.slice(0, 7));
		}
		return got;
	})()`, &got)
	if len(got) != 2 || got[0] != "" || got[1] != "Bearer " {
		t.Errorf("an API at another origin got %q, want a token only if it is named", got)
	}
}

// checkIntegrity checks that the result of signet version loads the script, and
// no other content.
func checkIntegrity(t *testing.T, p shopPage, i *issuer) {
	t.Helper()
	var version struct {
		Script struct{ Path, Integrity string } `json:"signet.js"`
	}
	if err := json.Unmarshal(i.run(t, "", "version"), &version); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{version.Script.Path: "load", "/app.js": "error"} {
		var event string
		p.Eval(t, fmt.Sprintf(`new Promise((resolve) => {
			const script = Object.assign(document.createElement("script"), { type: "module", src: %q, integrity: %q });
			script.onload = script.onerror = (event) => resolve(event.type);
			document.head.append(script);
		})`, path, version.Script.Integrity), &event)
		if event != want {
			t.Errorf("the script %s with the integrity of signet.js: %s, want %s", path, event, want)
		}
	}
}
