package gateways

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// forwarded are the headers in which a gateway reports the request.
var forwarded = []string{
	"X-Forwarded-Method: GET", "X-Forwarded-Proto: https", "X-Forwarded-Host: " + host, "X-Forwarded-Uri: /orders",
}

// Statement 17 of docs/browser.md: every 200 of the server has both headers,
// also if they are empty, in every form of the question.
func (f *fixture) tryListener(t *testing.T) {
	tests := []struct {
		name             string
		optional         bool
		headers          []string
		subject, cookies string
	}{
		{"session", false, headers("Cookie: {session}"), "ada", ""},
		{"session and another cookie", false, headers("Cookie: theme=dark; {session}"), "ada", "theme=dark"},
		{"access token", false, headers("Authorization: Bearer {token}"), "robot", ""},
		{"session on a public path", true, headers("Cookie: {session}"), "ada", ""},
		{"no login on a public path", true, nil, "", ""},
		{"bad session on a public path", true, headers("Cookie: {expired}; theme=dark"), "", "theme=dark"},
	}
	for _, form := range []string{"/auth-request/-", "/forward-auth/-", "/ext-authz/-/orders"} {
		for _, test := range tests {
			path := form
			if test.optional {
				path = "/optional" + form
			}
			r := f.ask(t, path, headers(forwarded, test.headers))
			authorization, cookie := r.Header["Authorization"], r.Header["Cookie"]
			if r.StatusCode != http.StatusOK || len(authorization) != 1 || len(cookie) != 1 {
				t.Errorf("%s, %s: %s %v", test.name, path, r.Status, r.Header)
				continue
			}
			if bearerSubject(authorization[0]) != f.subjects[test.subject] || cookie[0] != test.cookies ||
				test.subject == "" && authorization[0] != "" || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: %v", test.name, path, r.Header)
			}
		}
	}

	// Statement 19: the server's router redirects nothing.
	for _, path := range []string{"//evil.example/", "/../x", "//", "/."} {
		r := f.ask(t, "/ext-authz/-"+path, headers(forwarded, navigation))
		if _, ok := local(r.Header.Get("Location")); r.StatusCode != http.StatusFound || !ok {
			t.Errorf("%s: %s %v", path, r.Status, r.Header)
		}
	}
}

// tryQuestions asks the questions of docs/gateways/traefik.md.
func (f *fixture) tryQuestions(t *testing.T) {
	post := slices.Replace(slices.Clone(forwarded), 0, 1, "X-Forwarded-Method: POST")
	type question struct {
		name, path    string
		headers       []string
		status        int
		authorization bool
	}
	tests := []question{
		{"login", "", headers(forwarded, "Cookie: {session}"), 200, true},
		{"access token", "", headers(forwarded, "Authorization: Bearer {token}"), 200, true},
		{"no login, for everybody", "/optional", forwarded, 200, false},
		{"page without a login", "", headers(forwarded, navigation), 302, false},
		{"no login", "", headers(forwarded, fromOwnPage), 401, false},
		{"forged token", "", headers(forwarded, "Authorization: Bearer e30.e30.e30"), 401, false},
		{"change without a login", "", headers(post, fromOwnPage), 401, false},
		{"change by another site", "", headers(post, fromOtherSite, "Cookie: {session}"), 403, false},
	}
	for i, header := range forwarded {
		without := slices.Delete(slices.Clone(forwarded), i, i+1)
		tests = append(tests, question{"without " + header, "", headers(without, "Cookie: {session}"), 403, false})
	}
	for _, test := range tests {
		r := f.ask(t, test.path+"/forward-auth/-", test.headers)
		if r.StatusCode != test.status || (r.Header.Get("Authorization") != "") != test.authorization {
			t.Errorf("%s: %s %v; want %d", test.name, r.Status, r.Header, test.status)
		}
		if both := len(r.Header["Authorization"]) == 1 && len(r.Header["Cookie"]) == 1; both != (test.status == 200) {
			t.Errorf("%s: %s %v", test.name, r.Status, r.Header)
		}
		if _, ok := local(r.Header.Get("Location")); ok != (test.status == 302) {
			t.Errorf("%s: %s %v", test.name, r.Status, r.Header)
		}
	}
}

// ask asks the server for gateways.
func (f *fixture) ask(t *testing.T, path string, headers []string) *response {
	t.Helper()
	conn, err := net.DialTimeout("tcp", f.gateway, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: " + host}, headers...)
	if _, err := io.WriteString(conn, f.values.Replace(strings.Join(lines, "\r\n"))+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := readAll(answer)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
