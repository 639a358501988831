package openapi

import (
	"cmp"
	"net/http"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/app/components"
)

const goodLogin = `{"username": "ada", "password": "correct horse battery staple"}`

func (c *checker) logIn(t *testing.T, f *fixture) {
	s := f.public
	page := func(operation, origin, cookie, body string, status int, code string) (*http.Response, map[string]any) {
		t.Helper()
		h := header("Origin", origin, "Idempotency-Key", "k-2", "Sec-Fetch-Site", "same-site", "X-Request-Id", "r-5")
		if cookie != "" {
			h.Set("Cookie", cookie)
		}
		return c.send(t, s, call{operation: operation, header: h, json: body}, status, code)
	}
	full := strings.TrimSuffix(goodLogin, "}") + `, "remember": false, "device_label": "phone", "scope": "read",
		"audience": ["https://api.example"]}`
	_, tokens := page("logIn", pageOrigin, "", full, 200, "")
	refresh := `{"refresh_token": "` + tokens["refresh_token"].(string) + `"`
	_, tokens = page("renewLogin", pageOrigin, "", refresh+"}", 200, "")
	refresh = `{"refresh_token": "` + tokens["refresh_token"].(string) + `"`
	page("logOut", pageOrigin, "", refresh+`, "everywhere": true}`, 204, "")
	for _, origin := range []string{shopOrigin, deskOrigin} {
		r, _ := page("logIn", origin, "", goodLogin, 200, "")
		renewed, _ := page("renewLogin", origin, cookies(r), "{}", 200, "")
		if origin == shopOrigin {
			r = renewed
		}
		page("logOut", origin, cookies(r), "{}", 204, "")
		page("renewLogin", origin, cookies(r), "{}", 401, "login_required")
	}

	page("logIn", pageOrigin, "", `{"username": "ada", "password": "wrong"}`, 401, "invalid_grant")
	page("logIn", pageOrigin, "", strings.TrimSuffix(goodLogin, "}")+`, "scope": "all"}`, 400, "invalid_scope")
	page("logIn", pageOrigin, "", strings.TrimSuffix(goodLogin, "}")+`, "audience": ["x"]}`, 400, "invalid_target")
	for _, operation := range []string{"logIn", "renewLogin", "logOut"} {
		c.send(t, s, call{
			operation: operation, header: header("Origin", pageOrigin), json: `{"refresh_token": 1}`, invalid: true,
		}, 400, "invalid_request")
		body := map[string]string{"logIn": goodLogin}[operation]
		page(operation, "https://evil.example", "", cmp.Or(body, "{}"), 403, "access_denied")
		c.send(t, s, call{
			operation: operation, header: header("Origin", pageOrigin, "Sec-Fetch-Site", "cross-site"), json: goodLogin,
			invalid: true,
		}, 403, "access_denied")
	}
	for _, operation := range []string{"preflightLogin", "preflightRenewal", "preflightLogout"} {
		c.preflight(t, s, operation, pageOrigin)
		c.send(t, s, call{operation: operation, header: header("Origin", "https://evil.example")}, 403, "access_denied")
	}
	c.sendForms(t, f)
	c.exceedLimits(t)
}

// sendForms sends HTML forms.
func (c *checker) sendForms(t *testing.T, f *fixture) {
	own := header("Origin", shopOrigin, "Sec-Fetch-Site", "same-origin")
	login := form("username", username, "password", password, "remember", "on", "device_label", "phone",
		"scope", "read", "audience", api, "return_to", "/orders")
	r, _ := c.send(t, f.public, call{operation: "logIn", header: own, form: login}, http.StatusSeeOther, "")
	c.send(t, f.public, call{
		operation: "logOut", header: with(own, "Cookie", cookies(r)),
		form: form("everywhere", "true", "return_to", "/bye"),
	}, http.StatusSeeOther, "")
}

// exceedLimits sends more requests than servers with low limits answer.
func (c *checker) exceedLimits(t *testing.T) {
	limited := newFixture(t, func(o *components.Options) {
		o.Limits.AddressPerHour, o.Revocations.ClientPerHour = 1, 1
	})
	q := call{operation: "logIn", header: header("Origin", pageOrigin), json: `{"username": "a", "password": "b"}`}
	c.send(t, limited.public, q, 401, "invalid_grant")
	c.send(t, limited.public, q, 429, "slow_down")

	for n, status := range []int{204, 429} {
		tokens := limited.login(t, "page")
		c.send(t, limited.public, call{
			operation: "logOut", header: header("Origin", pageOrigin),
			json: `{"everywhere": true, "refresh_token": "` + tokens.RefreshToken + `"}`,
		}, status, []string{"", "slow_down"}[n])
	}
}
