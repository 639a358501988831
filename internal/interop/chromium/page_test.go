package chromium

import (
	"encoding/json"
	"fmt"
	"testing"
)

// A shopPage is the application in a tab.
type shopPage struct{ *Tab }

// session is what signet.session is: undefined, null, or an object.
type session struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// open opens the application.
func open(t *testing.T, b *Browser, a *app) shopPage {
	t.Helper()
	p := shopPage{b.Open(t, a.origin+"/")}
	p.awaitScript(t)
	return p
}

// awaitScript waits until signet.js knows whether there is a login.
func (p shopPage) awaitScript(t *testing.T) {
	t.Helper()
	await(t, "signet.js knows whether there is a login", func() bool {
		return p.session(t).Kind != "undefined"
	})
}

func (p shopPage) session(t *testing.T) (s session) {
	t.Helper()
	p.Eval(t, `(() => { const s = window.signet?.session;
		return { kind: s === null ? "null" : typeof s, id: s?.session_id ?? "" } })()`, &s)
	return s
}

// login logs in as the user.
func (p shopPage) login(t *testing.T) {
	t.Helper()
	p.Eval(t, fmt.Sprintf(`signet.login({ username: %q, password: %q }).then(() => true)`, username, password), nil)
}

// token returns the result of signet.token(), or the code of its error.
func (p shopPage) token(t *testing.T) (token string) {
	t.Helper()
	p.Eval(t, `signet.token().then(String, (error) => error.code)`, &token)
	return token
}

// awaitPath waits until the page of that path is loaded.
func (p shopPage) awaitPath(t *testing.T, path string) {
	t.Helper()
	await(t, "the page is "+path, func() bool {
		var at string
		_ = p.TryEval(`document.readyState == "complete" ? location.pathname : ""`, &at)
		return at == path
	})
}

// quote returns a text as a JavaScript string.
func quote(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}
