package browser_test

import (
	"net/http"
	"testing"

	"github.com/signetd/signet/internal/browser"
)

// Statements 14 and 18 of docs/browser.md: a request that a page of another
// origin can cause does not pass, if it could change something or read from a
// WebSocket.
func TestCheck_RequestsOfOtherPages(t *testing.T) {
	f := newCheckFixture(t)
	s := f.open(t)
	const sub, evil = "https://evil.shop.example", "https://evil.example"
	type headers map[string]string
	for _, c := range []struct {
		method  string
		headers headers
		want    int
	}{
		{"GET", nil, 200},
		{"HEAD", nil, 200},
		{"OPTIONS", nil, 200},
		{"GET", headers{"Sec-Fetch-Site": "cross-site", "Origin": evil}, 200}, // CORS protects the answer

		{"POST", headers{"Sec-Fetch-Site": "same-origin"}, 200},
		{"POST", headers{"Sec-Fetch-Site": "same-origin", "Origin": https}, 200},
		{"POST", headers{"Origin": https}, 200},
		{"POST", headers{"Sec-Fetch-Site": "none", "Origin": https}, 200},
		{"PUT", headers{"Origin": https}, 200},
		{"POST", nil, 403},
		{"post", nil, 403},
		{"get", nil, 403},
		{"", nil, 403},
		{"CONNECT", nil, 403},
		{"DELETE", nil, 403},
		{"POST", headers{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200}, // Referrer-Policy: no-referrer
		{"POST", headers{"Sec-Fetch-Site": "same-site", "Origin": "null"}, 403},
		{"POST", headers{"Sec-Fetch-Site": "cross-site", "Origin": "null"}, 403},
		{"POST", headers{"Sec-Fetch-Site": "none", "Origin": "null"}, 403},
		{"POST", headers{"Sec-Fetch-Site": "same-site"}, 403},
		{"POST", headers{"Sec-Fetch-Site": "cross-site"}, 403},
		{"POST", headers{"Sec-Fetch-Site": "none"}, 403},
		{"POST", headers{"Sec-Fetch-Site": "cross-site", "Origin": https}, 403},
		{"POST", headers{"Sec-Fetch-Site": "same-origin", "Origin": evil}, 403},
		{"POST", headers{"Origin": "null"}, 403},
		{"POST", headers{"Origin": sub}, 403},
		{"POST", headers{"Origin": "http://shop.example"}, 403},
		{"POST", headers{"Origin": local}, 403},
		{"POST", headers{"Origin": https + ", " + evil}, 403},
		{"POST", headers{"Origin": ""}, 403},

		{"GET", headers{"Sec-Websocket-Key": "x", "Origin": https}, 200},
		{"GET", headers{"Sec-Websocket-Key": "x", "Origin": https, "Sec-Fetch-Site": "same-origin"}, 200},
		{"GET", headers{"Sec-Websocket-Key": "x"}, 403},
		{"GET", headers{"Sec-Websocket-Key": "x", "Origin": sub}, 403},
		{"GET", headers{"Sec-Websocket-Key": "x", "Origin": evil}, 403},
		{"GET", headers{"Sec-Websocket-Key": "", "Origin": evil}, 403},
		{"GET", headers{"Sec-Websocket-Version": "13", "Origin": sub}, 403},
		{"GET", headers{"Upgrade": "WebSocket", "Origin": sub}, 403},
		{"GET", headers{"Upgrade": "h2c"}, 200},
		{"CONNECT", headers{"Origin": sub}, 403},
		{"CONNECT", headers{"Origin": https}, 200},
	} {
		with := func(r *browser.CheckRequest, h http.Header) {
			r.Method = c.method
			for name, value := range c.headers {
				h.Set(name, value)
			}
		}
		for _, optional := range []bool{false, true} {
			v := f.check(t, s, with, func(r *browser.CheckRequest, _ http.Header) { r.Optional = optional })
			if v.Status != c.want || v.Status != 200 && v.Authorization+v.Location != "" {
				t.Errorf("%s %v: %d, want %d", c.method, c.headers, v.Status, c.want)
			}
		}
		// Without a session there is nothing to protect.
		if v := f.check(t, browserSession{}, with); v.Status != http.StatusUnauthorized {
			t.Errorf("%s %v, without a session: %d", c.method, c.headers, v.Status)
		}
	}
	two := func(r *browser.CheckRequest, h http.Header) {
		r.Method = http.MethodPost
		h["Origin"] = []string{https, https}
	}
	want(t, f.check(t, s, two), http.StatusForbidden)
}

// Only a page is redirected to the login page.
func TestCheck_RedirectsPagesOnly(t *testing.T) {
	f := newCheckFixture(t)
	type headers map[string]string
	for _, c := range []struct {
		method  string
		headers headers
		page    bool
	}{
		{"GET", headers{"Sec-Fetch-Mode": "navigate"}, true},
		{"HEAD", headers{"Sec-Fetch-Mode": "navigate"}, true},
		{"GET", headers{"Accept": "text/html,application/xhtml+xml"}, true},
		{"GET", headers{"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, false},
		{"GET", headers{"Sec-Fetch-Mode": "no-cors"}, false},
		{"GET", headers{"Sec-Fetch-Mode": "websocket"}, false},
		{"GET", headers{"Accept": "application/json"}, false},
		{"GET", headers{"Accept": "*/*"}, false},
		{"GET", nil, false},
		{"POST", headers{"Sec-Fetch-Mode": "navigate"}, false},
		{"OPTIONS", headers{"Sec-Fetch-Mode": "cors"}, false},
	} {
		v := f.check(t, browserSession{}, func(r *browser.CheckRequest, h http.Header) {
			r.Method = c.method
			for name, value := range c.headers {
				h.Set(name, value)
			}
		})
		const login = "https://shop.example/login?return_to=%2Fcart"
		if c.page && (v.Status != 302 || v.Location != login) || !c.page && (v.Status != 401 || v.Location != "") {
			t.Errorf("%s %v: %+v", c.method, c.headers, v)
		}
	}
}

// Statement 19 of docs/browser.md: the login page returns to a path of its own
// origin.
func TestCheck_ReturnsToTheOwnOrigin(t *testing.T) {
	f := newCheckFixture(t)
	for uri, to := range map[string]string{
		"/a?b=c&d=/e":            "%2Fa%3Fb%3Dc%26d%3D%2Fe",
		"//evil.example":         "%2F",
		`/\evil.example`:         "%2F",
		"/a\r\nX: y":             "%2F",
		"https://evil.example/":  "%2F",
		"javascript:alert(1)":    "%2F",
		"":                       "%2F",
		"/%0d%0aSet-Cookie:%20x": "%2F%250d%250aSet-Cookie%3A%2520x",
	} {
		v := f.check(t, browserSession{}, set("Sec-Fetch-Mode", "navigate"),
			func(r *browser.CheckRequest, _ http.Header) { r.URI = uri })
		if v.Location != "https://shop.example/login?return_to="+to {
			t.Errorf("%q: %s", uri, v.Location)
		}
	}
}
