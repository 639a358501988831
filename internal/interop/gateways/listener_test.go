package gateways

import (
	"bufio"
	"io"
	"net"
	"net/http"
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
