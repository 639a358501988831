package gateways

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// lastCase is the number of the last request.
var lastCase atomic.Int64

// try sends the request of an exchange through a gateway and checks what comes
// of it.
func (f *fixture) try(t *testing.T, b browser, e exchange) {
	t.Helper()
	id := strconv.FormatInt(lastCase.Add(1), 10)
	r, err := f.send(b, id, e)
	if err != nil {
		t.Fatal(err)
	}
	if e.passes && r.StatusCode == e.orStatus {
		e.status, e.passes = r.StatusCode, false
	}
	if e.status != 0 && r.StatusCode != e.status {
		t.Errorf("the status is %s; want %d\n%v\n%.300s", r.Status, e.status, r.Header, r.body)
	}
	f.checkResponse(t, r, e)

	got := f.application.requests(id)
	switch {
	case !e.passes && len(got) > 0:
		t.Errorf("the application got %s %s", got[0].method, got[0].uri)
	case e.passes && len(got) != 1:
		t.Errorf("the application got %d requests", len(got))
	case e.passes:
		f.checkRequest(t, got[0], e)
	}
}

// send sends the request of an exchange.
func (f *fixture) send(b browser, id string, e exchange) (*response, error) {
	if e.method == "" {
		e.method = http.MethodGet
	}
	if e.target == "" {
		e.target = "/orders"
	}
	if e.host == "" {
		e.host = host
	}
	head := []string{e.method + " " + e.target + " HTTP/1.1", "Host: " + e.host, caseHeader + ": " + id}
	lines := append(head, e.headers...)
	for i := range lines {
		lines[i] = f.values.Replace(lines[i])
	}
	if !e.http2 {
		return b.send(e.body, lines...)
	}
	r, err := http.NewRequest(e.method, origin+e.target, nil)
	if err != nil {
		return nil, err
	}
	for _, line := range lines[2:] {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return b.send2(r)
}

// checkResponse checks that a response redirects to the own login page only,
// and that it has nothing of the server's that a page must not see.
func (f *fixture) checkResponse(t *testing.T, r *response, e exchange) {
	t.Helper()
	location := r.Header.Get("Location")
	if returnTo, ok := local(location); location != "" && !ok || e.returnTo != returnTo && e.returnTo != "" {
		t.Errorf("the response redirects to %q, and then to %q; want %q", location, returnTo, e.returnTo)
	}
	if e.status == http.StatusFound && location == "" {
		t.Error("the response has no Location")
	}
	for name, values := range r.Header {
		for _, value := range values {
			if name == "Set-Cookie" || name == "Authorization" || name == "Cookie" || bearerSubject(value) != "" {
				t.Errorf("the response has the header %s: %s", name, value)
			}
		}
	}
}

// checkRequest checks what the application got of an exchange.
func (f *fixture) checkRequest(t *testing.T, got recorded, e exchange) {
	t.Helper()
	// Statement 16 of docs/browser.md: the application gets one Authorization
	// header, and never the cookies of the server.
	authorization := got.header.Values("Authorization")
	want := claims{f.subjects[e.subject], audience}
	if strings.HasPrefix(e.target, "/public/") {
		want.Audience = otherAudience
	}
	if e.subject == "" {
		if len(authorization) > 1 || strings.Join(authorization, "") != "" {
			t.Errorf("the application got the Authorization headers %q; want none", authorization)
		}
	} else if len(authorization) != 1 || bearerClaims(authorization[0]) != want {
		t.Errorf("the application got the Authorization headers %q; want one with %v", authorization, want)
	}
	if cookies := strings.Join(got.header.Values("Cookie"), "; "); cookies != e.cookies {
		t.Errorf("the application got the cookies %q; want %q", cookies, e.cookies)
	}
	for name, values := range got.header {
		text := strings.ToLower(strings.Join(values, " "))
		if strings.Contains(text, "__host-") || strings.Contains(text, "sgb_") {
			t.Errorf("the application got %s: %q", name, values)
		}
	}

	method, target := e.method, e.target
	if method == "" {
		method = http.MethodGet
	}
	if target == "" {
		target = "/orders"
	}
	if got.method != method || got.uri != target || got.host != host || got.body != int64(e.body) {
		t.Errorf("the application got %s %s of %s with %d bytes; want %s %s of %s with %d bytes",
			got.method, got.uri, got.host, got.body, method, target, host, e.body)
	}
}
