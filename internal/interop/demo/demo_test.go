package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/signetd/signet/internal/interop/chromium"
)

// Statement 24 of docs/browser.md: the demo runs as README says.
func TestDemo_RunsAsReadmeSays(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two programs and runs two browsers, which the full form does")
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"\n$ go run ./cmd/signet serve --dev\n", "\n$ go run ./docs/examples/browser\n"} {
		if !strings.Contains(string(readme), command) {
			t.Errorf("README.md does not have the command%s", command)
		}
	}
	d := newDemo(t)
	out, err := os.ReadFile(filepath.Join(d.dir, "signet.out"))
	if err != nil || !strings.Contains(string(out), "go run ./docs/examples/browser") {
		t.Errorf("the server does not print the command of the demo: %v\n%s", err, out)
	}

	// An error page must wait until the test loads the page again.
	d.here = chromium.Start(t, t.TempDir(), "--disable-auto-reload")
	d.there = chromium.Start(t, t.TempDir(), "--disable-auto-reload")
	t.Run("page", func(t *testing.T) { testScript(t, d, 0) })
	t.Run("refresh", func(t *testing.T) { testScript(t, d, 1) })
	t.Run("session", func(t *testing.T) { testSession(t, d) })
	t.Run("session without JavaScript", func(t *testing.T) { testNoScript(t, d) })
}

// testScript uses the page of way 1 or 2.
func testScript(t *testing.T, d *demo, number int) {
	way, url := ways[number], d.url(number, "/")
	p := d.open(t, d.here, url)
	p.see("login", "Log in")
	p.pictures(way+"-out", looks...)

	p.fill("[name=password]", "wrong")
	p.click("#login-form button")
	p.see("notice", "The user name or the password is wrong.")
	p.Run(t, chromedp.Reload())
	p.logIn()
	p.see("left", " s")
	p.see("token", `"aud": "demo-browser-api"`)
	p.click("#call")
	p.see("saw", `"cookie": ""`)
	p.see("saw", `"sub": "usr_`)

	p.click("#lose")
	p.see("notice", "you are still logged in")
	p.see("requests", "POST /session/refresh200")
	p.see("requests", ", lost")
	p.pictures(way+"-in", looks...)

	second := d.open(t, d.here, url)
	if way == "refresh" {
		p.see("seen-session", "nothing")
		second.see("account", "Logged in")
	} else {
		p.see("seen-session", "signet.refresh_token")
		second.logIn()
	}
	p.see("seen-cookie", "nothing")
	other := d.open(t, d.there, url)
	other.logInByKeyboard()

	second.click("#logout")
	second.see("notice", "Logged out here.")
	if way == "refresh" { // the other tab has the same session
		p.see("login", "Log in")
		p.logIn()
	}
	other.see("account", "Logged in")
	p.click("#everywhere")
	p.see("notice", "Logged out everywhere")
	other.refused()
}

// refused calls the API until it refuses the access token. It learns of the
// logout within about a second. Then the page shows the login again.
func (p *page) refused() {
	p.t.Helper()
	const call = `new Promise((done) => {
		const button = document.getElementById("call"), login = document.getElementById("login");
		const timer = setInterval(() => login.hidden ? button.click() : done(clearInterval(timer)), 100);
	})`
	p.Eval(p.t, call, nil)
	p.see("login", "Log in")
}

// logIn logs the demo user in, with the values that the form has.
func (p *page) logIn() {
	p.t.Helper()
	p.see("login", "Log in")
	p.click("#login button")
	p.see("account", "Logged in")
}

// logInByKeyboard is logIn without the mouse.
func (p *page) logInByKeyboard() {
	p.t.Helper()
	p.see("login", "Log in")
	p.Run(p.t, chromedp.SendKeys("#username", "\t\r", chromedp.ByQuery))
	p.see("account", "Logged in")
}

// testSession uses the pages of way 3.
func testSession(t *testing.T, d *demo) {
	p := d.open(t, d.here, d.url(2, "/"))
	p.see("login", "Log in")
	p.pictures("session-out", looks...)
	p.fill("[name=password]", "wrong")
	p.click("#login button")
	p.see("notice", "The user name or the password is wrong.")
	p.logIn()
	p.see("saw", `"cookie": ""`)
	p.see("seen-login", "session_id")
	for _, id := range []string{"seen-session", "seen-cookie", "seen-token"} {
		p.see(id, "nothing")
	}

	p.loseAnswer(d.url(2, "/"))
	p.pictures("session-in", looks...)
	second := d.open(t, d.here, d.url(2, "/"))
	second.see("account", "Logged in")
	other := d.open(t, d.there, d.url(2, "/"))
	other.logIn()
	p.click("#logout button")
	p.see("login", "Log in")
	second.Run(t, chromedp.Reload())
	second.see("login", "Log in")
	second.logIn()
	second.click("#everywhere button")
	second.see("login", "Log in")
	other.click("#call button")
	other.see("login", "Log in")
}

// loseAnswer loses the answer to a call of the API, and loads the page again.
func (p *page) loseAnswer(url string) {
	p.t.Helper()
	p.click("#lose button")
	p.see("notice", "The next answer of the API will be lost")
	p.click("#call button")
	// The browser shows an error page, or has sent the request again by itself.
	const after = `//body[contains(@class, "neterror")] | //p[@id="notice"][contains(., "still")]`
	p.Run(p.t, chromedp.WaitVisible(after, chromedp.BySearch), chromedp.Navigate(url))
	p.see("notice", "you are still logged in")
}

// testNoScript uses the pages of way 3 in a browser without JavaScript.
func testNoScript(t *testing.T, d *demo) {
	p := d.open(t, d.here, "about:blank")
	p.Run(t, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(d.url(2, "/call")))
	p.logIn()
	p.see("seen-card", "JavaScript is off")
	p.see("saw", `"client_id": "demo-session"`)
	p.click("#call button")
	p.see("requests", "GET /call200")
	p.loseAnswer(d.url(2, "/"))
	p.pictures("session-in-without-script", looks[0])
	p.click("#logout button")
	p.see("login", "Log in")
	p.logInByKeyboard()
	p.click("#everywhere button")
	p.see("login", "Log in")
}
