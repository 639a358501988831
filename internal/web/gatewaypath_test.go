package web

import "testing"

// Statement 19 of docs/browser.md: the path of the browser in a question has
// any form, and nothing redirects it.
func TestParseGatewayPath(t *testing.T) {
	for target, want := range map[string]struct {
		audience, uri string
		optional, ok  bool
	}{
		"/auth-request/-":                     {audience: "-", ok: true},
		"/forward-auth/-":                     {audience: "-", ok: true},
		"/forward-auth/-?x=/y":                {audience: "-", uri: "?x=/y", ok: true},
		"/optional/forward-auth/-":            {audience: "-", optional: true, ok: true},
		"/forward-auth/https:%2F%2Fapi.x":     {audience: "https://api.x", ok: true},
		"/ext-authz/-":                        {audience: "-", ok: true},
		"/ext-authz/-/":                       {audience: "-", uri: "/", ok: true},
		"/ext-authz/-/a/b?c=d":                {audience: "-", uri: "/a/b?c=d", ok: true},
		"/ext-authz/-//evil.example":          {audience: "-", uri: "//evil.example", ok: true},
		"/ext-authz/-/../x":                   {audience: "-", uri: "/../x", ok: true},
		"/ext-authz/-/%2e%2e/forward-auth/-":  {audience: "-", uri: "/%2e%2e/forward-auth/-", ok: true},
		"/optional/ext-authz/api/optional/x":  {audience: "api", uri: "/optional/x", optional: true, ok: true},
		"/ext-authz/-?x":                      {audience: "-", uri: "?x", ok: true},
		"/ext-authz//x":                       {},
		"/ext-authz/":                         {},
		"/ext-authz":                          {},
		"/forward-auth/https://api.x":         {audience: "https://api.x", ok: true},
		"/forward-auth/":                      {},
		"/forward-auth/%zz":                   {},
		"/optional/optional/forward-auth/-":   {},
		"//forward-auth/-":                    {},
		"/x/../forward-auth/-":                {},
		"http://127.0.0.1:8082/forward-auth/": {},
		"/session/login":                      {},
		"/":                                   {},
		"":                                    {},
		"*":                                   {},
	} {
		q, ok := parseGatewayPath(target)
		if ok != want.ok {
			t.Errorf("%q: %v, want %v", target, ok, want.ok)
		} else if ok && (q.audience != want.audience || q.uri != want.uri || q.optional != want.optional) {
			t.Errorf("%q: %+v", target, q)
		}
	}
}
