package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

// revoke writes entries about grants into the log.
func (f *fixture) revoke(t *testing.T, ids ...string) {
	t.Helper()
	var entries []grant.Revocation
	for _, id := range ids {
		entries = append(entries, grant.Revocation{Kind: revocation.Grant, Hash: revocation.Grant.Hash(id)})
	}
	_, err := f.Store.AddRevocations(t.Context(), entries)
	must(t, err)
	f.Feed.Changed()
}

// A polled is the answer to a poll, with the heads and entries of its segments.
type polled struct {
	*http.Response
	revocation.Answer
	heads   []revocation.Head
	entries []revocation.Entry
}

// position returns the position at the end of the answer.
func (p polled) position() string { return p.heads[len(p.heads)-1].After().String() }

// has reports whether the answer has the entry about a grant.
func (p polled) has(id string) bool {
	for _, e := range p.entries {
		if e.Hash == revocation.Grant.Hash(id) {
			return true
		}
	}
	return false
}

// poll requests the feed and decodes the answer.
func (f *fixture) poll(t *testing.T, query string, header http.Header) polled {
	t.Helper()
	r, body := do(t, http.MethodGet, f.url+"/revocations"+query, header)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("%q: %s %s", query, r.Status, body)
	}
	return decodePolled(t, r, body)
}

func decodePolled(t *testing.T, r *http.Response, body []byte) polled {
	t.Helper()
	p := polled{Response: r}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	must(t, d.Decode(&p.Answer))
	if again, _ := json.Marshal(p.Answer); string(again)+"\n" != string(body) {
		t.Errorf("the response is %s\nwant the form %s", body, again)
	}
	for _, s := range p.Segments {
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(s.Head, ".")[1])
		must(t, err)
		var head revocation.Head
		must(t, json.Unmarshal(payload, &head))
		raw, err := base64.RawURLEncoding.DecodeString(s.Entries)
		must(t, err)
		if revocation.Sum(raw) != head.Sum {
			t.Error("the sum in the head is not that of the entries")
		}
		entries, err := revocation.DecodeEntries(raw)
		must(t, err)
		p.heads, p.entries = append(p.heads, head), append(p.entries, entries...)
	}
	return p
}

// A poll waits until there is an entry after its position. The entries of a
// poll with a position and those of the whole feed are the same.
func TestFeed_PollReturnsTheNextEntry(t *testing.T) {
	f := newFixture(t)
	before := f.poll(t, "", nil)
	if len(before.entries) != 0 || !before.heads[0].Full {
		t.Fatalf("a new feed has %+v", before.heads)
	}

	answers := make(chan polled)
	go func() { answers <- f.poll(t, "?after="+before.position()+"&wait=10s", nil) }()
	f.waiting(t, 1)
	f.revoke(t, "one", "two")
	news := <-answers
	if !news.has("one") || !news.has("two") || len(news.entries) != 2 || news.DelayMS != 0 {
		t.Errorf("the poll returned %d entries, delay %d", len(news.entries), news.DelayMS)
	}
	if news.HeldMS >= 10_000 || news.AgeMS < 1 {
		t.Errorf("held %d ms, age %d ms", news.HeldMS, news.AgeMS)
	}
	all := f.poll(t, "?after=0-0", nil)
	if !all.has("one") || !all.has("two") || all.position() != news.position() {
		t.Errorf("the feed ends at %s, the poll at %s", all.position(), news.position())
	}
	if one := f.poll(t, "?after="+before.position(), nil); one.HeldMS > 5000 || !one.has("one") {
		t.Errorf("a poll for known entries was held %d ms", one.HeldMS)
	}
}

// waiting waits until that many polls wait.
func (f *fixture) waiting(t *testing.T, polls int) {
	t.Helper()
	for f.Feed.Stats().Waiting != polls {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
		time.Sleep(time.Millisecond)
	}
}

// A poll for which there is no entry returns a heartbeat at the end of its
// wait: also after ten seconds, the time limit of reading a request.
func TestFeed_PollReturnsAHeartbeat(t *testing.T) {
	f := newFixture(t)
	at := f.poll(t, "", nil).position()
	waits := []time.Duration{0, 300 * time.Millisecond}
	if !testing.Short() { // takes ten seconds
		waits = append(waits, 10*time.Second)
	}
	for _, wait := range waits {
		began := time.Now()
		p := f.poll(t, "?after="+at+"&wait="+wait.String(), nil)
		if took := time.Since(began); took < wait || p.HeldMS < wait.Milliseconds() || p.HeldMS > took.Milliseconds() {
			t.Errorf("wait %v: answered after %v, held %d ms", wait, took, p.HeldMS)
		}
		if len(p.heads) != 1 || len(p.entries) != 0 || p.heads[0].Full || p.position() != at {
			t.Errorf("wait %v: %+v, %d entries", wait, p.heads, len(p.entries))
		}
	}
}

// Rule 20: caches may keep the whole feed for a second and no other answer. No
// header of a request changes it.
func TestRule20_CachingOfTheFeed(t *testing.T) {
	f := newFixture(t)
	f.revoke(t, "one")
	for !f.poll(t, "?after=0-0", nil).has("one") {
	}
	full := f.poll(t, "", nil)
	etag := `W/"` + full.position() + `"`
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=1, must-revalidate", "Etag": etag,
		"Access-Control-Allow-Origin": "*", "Set-Cookie": "", "Vary": "", "Pragma": "", "X-Request-Id": "",
		"Content-Encoding": "", "X-Content-Type-Options": "nosniff",
	} {
		if got := full.Header.Get(name); got != want {
			t.Errorf("the whole feed has %s %q, want %q", name, got, want)
		}
	}
	if full.AgeMS < 2000 || full.HeldMS != 0 {
		t.Errorf("the whole feed was held %d ms, and its age is %d ms, less than its time in caches",
			full.HeldMS, full.AgeMS)
	}

	for condition, status := range map[string]int{
		etag: 304, strings.TrimPrefix(etag, "W/"): 304, `"x", ` + etag: 304, `"x",` + etag + `,"y"`: 304, "*": 304,
		`"x"`: 200, strings.Trim(etag, `W/"`): 200, `W/"0-0"`: 200,
	} {
		r, body := do(t, http.MethodGet, f.url+"/revocations", http.Header{"If-None-Match": {condition}})
		for status == 304 && r.StatusCode == 200 && decodePolled(t, r, body).AgeMS > 2000 { // on a slow machine
			r, body = do(t, http.MethodGet, f.url+"/revocations", http.Header{"If-None-Match": {condition}})
		}
		if r.StatusCode != status || (status == 304) != (len(body) == 0) || r.Header.Get("Etag") != etag ||
			r.Header.Get("Cache-Control") != full.Header.Get("Cache-Control") {
			t.Errorf("If-None-Match %s: %s, %v, %d bytes", condition, r.Status, r.Header, len(body))
		}
	}
	for name, header := range map[string]http.Header{
		"Host": {"Host": {"evil.example"}}, "Range": {"Range": {"bytes=0-3"}},
		"Accept-Encoding": {"Accept-Encoding": {"gzip, br"}}, "Origin": {"Origin": {"https://evil.example"}},
		"X-Forwarded-Host": {"X-Forwarded-Host": {"evil.example"}}, "Authorization": {"Authorization": {"Basic eDp5"}},
	} {
		p := f.poll(t, "", header)
		if p.Header.Get("Etag") != etag || p.Segments[0] != full.Segments[0] {
			t.Errorf("%s changes the response: %v", name, p.Header)
		}
	}

	for _, query := range []string{"?after=0-0", "?after=" + full.position(), "?after=1-1&wait=0s"} {
		p := f.poll(t, query, http.Header{"If-None-Match": {etag}})
		if got := p.Header.Get("Cache-Control"); got != "no-store" || p.Header.Get("Etag") != "" {
			t.Errorf("%s: Cache-Control %q, ETag %q", query, got, p.Header.Get("Etag"))
		}
		if p.Header.Get("Access-Control-Allow-Origin") != "*" || p.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", query, p.Header)
		}
	}
	for _, query := range []string{"", "?after=0-0"} {
		r, body := do(t, http.MethodHead, f.url+"/revocations"+query, nil)
		if r.StatusCode != 200 || len(body) > 0 || r.ContentLength < 100 {
			t.Errorf("HEAD %s: %s, %d bytes, Content-Length %d", query, r.Status, len(body), r.ContentLength)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
		r, _ := do(t, method, f.url+"/revocations", nil)
		if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s, Allow %q", method, r.Status, r.Header.Get("Allow"))
		}
	}
}

// A poll with an invalid parameter fails at once.
func TestFeed_InvalidParameters(t *testing.T) {
	f := newFixture(t)
	const missing = "The parameter after is missing. The others need it."
	const unknown = "The only parameters are after, wait, name and keys."
	const target = "The request target must be text in UTF-8 without control characters, percent-encoded."
	const badName = "The parameter name must have 1 to 64 letters, digits, dots, underscores and hyphens."
	const position = "The parameter after must be a position of the feed: SEQ-MARK, such as 0-0."
	const duration = "The parameter wait must be a duration from 0s to 10s, such as 2s or 500ms."
	for query, want := range map[string]string{
		"wait=2s":                       missing,
		"name=a":                        missing,
		"after=":                        position,
		"after=1":                       position,
		"after=01-1":                    position,
		"after=-1-1":                    position,
		"after=0-0&after=1":             "A parameter occurs more than once.",
		"after=0-0&wait=":               duration,
		"after=0-0&wait=2":              duration,
		"after=0-0&wait=11s":            duration,
		"after=0-0&wait=-1s":            duration,
		"after=0-0&wait=9999999999999h": duration,
		"after=0-0&name=":               badName,
		"after=0-0&name=a/b":            badName,
		"after=0-0&keys=abc":            "The parameter keys must be the ETag of a JWK Set, with its quotes.",
		"after=0-0&Wait=2s":             unknown,
		"after=0-0&x":                   unknown,
		"_=1":                           unknown,
		"after=0-0;wait=2s":             "The query is not well-formed.",
		"after=%zz":                     target,
		"after=0-0%0a":                  target,
	} {
		r := f.send(t, http.MethodGet, "/revocations?"+query, nil, "")
		r.want(t, query, http.StatusBadRequest, "invalid_request")
		if got := r.text("error_description"); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", query, r.Header)
		}
	}
	f.send(t, http.MethodGet, "/revocations", nil, "after=0-0").
		want(t, "a body", http.StatusBadRequest, "invalid_request")
	f.poll(t, "?after=0-0&wait=0s&name=orders-7.a_B&keys="+url.QueryEscape(f.Keys.Set().ETag), nil)
	f.poll(t, "?", nil)
	long := "?after=" + strings.Repeat("0", 15<<10)
	if r, _ := do(t, http.MethodGet, f.url+"/revocations"+long, nil); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a long query: %s", r.Status)
	}
}

// With the access rule for clients, only a client that may introspect tokens
// may read the feed, and no shared cache keeps it.
func TestFeed_ForClients(t *testing.T) {
	f := newFixture(t)
	o := f.options(issuerID)
	o.FeedForClients = true
	f.start(t, o)
	for _, query := range []string{"", "?after=0-0"} {
		for name, header := range map[string]http.Header{
			"none": nil, "a public client": basicHeader("spa", ""), "a wrong secret": basicHeader("web", "x"),
			"an unknown client": basicHeader("x", "x"), "a token": {"Authorization": {"Bearer x"}},
		} {
			r := f.send(t, http.MethodGet, "/revocations"+query, header, "")
			r.want(t, name, http.StatusUnauthorized, "invalid_client")
			if r.Header.Get("WWW-Authenticate") == "" || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", name, r.Header)
			}
		}
		p := f.poll(t, query, f.basic("web"))
		if strings.Contains(p.Header.Get("Cache-Control"), "public") ||
			p.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", query, p.Header)
		}
	}
	if got := f.poll(t, "", f.basic("web")).Header.Get("Cache-Control"); got != "private, max-age=1, must-revalidate" {
		t.Errorf("Cache-Control %q", got)
	}
}

func basicHeader(id, secret string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))}}
}

// The feed of an issuer with a path is below the path, and also without it.
func TestFeed_IssuerWithAPath(t *testing.T) {
	f := newFixtureAt(t, "https://example.org/tenants/a")
	for _, path := range []string{"/revocations", "/tenants/a/revocations"} {
		r, body := do(t, http.MethodGet, f.url+path, nil)
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, r.Status)
		}
		if p := decodePolled(t, r, body); p.heads[0].Issuer != "https://example.org/tenants/a" {
			t.Errorf("the head has the issuer %s", p.heads[0].Issuer)
		}
	}
}

// The end of a caller's connection ends its poll.
func TestFeed_CallerDisconnects(t *testing.T) {
	f := newFixture(t)
	at := f.poll(t, "", nil).position()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/revocations?wait=10s&after="+at, nil)
		if err == nil {
			_, err = http.DefaultClient.Do(r)
		}
		done <- err
	}()
	f.waiting(t, 1)
	cancel()
	<-done
	f.waiting(t, 0)
	if text := f.Logs.Text(); strings.Contains(text, "WARN") || strings.Contains(text, "ERROR") {
		t.Errorf("the log has %s", text)
	}
}

// The server answers all polls that wait when it drains, and says when a caller
// may poll again.
func TestFeed_Drain(t *testing.T) {
	f := newFixture(t)
	at := f.poll(t, "", nil).position()
	const polls = 50
	answers := make(chan polled, polls)
	for range polls {
		go func() { answers <- f.poll(t, "?wait=10s&after="+at, nil) }()
	}
	f.waiting(t, polls)
	f.Feed.Drain()
	for range polls {
		if p := <-answers; p.HeldMS >= 10_000 {
			t.Errorf("held %d ms", p.HeldMS)
		}
	}
	if p := f.poll(t, "?wait=10s&after="+at, nil); p.HeldMS >= 5000 || p.DelayMS == 0 {
		t.Errorf("a poll of a server that drains: held %d ms, delay %d ms", p.HeldMS, p.DelayMS)
	}
}

// A server that cannot read the log says how old its answers are. So it does
// not answer 304 if the age in the response that a cache has would be too low.
func TestFeed_AgeGrowsWithoutTheStore(t *testing.T) {
	if testing.Short() {
		t.Skip("waits until the store has not been asked for a second")
	}
	f := newFixture(t)
	cached := f.poll(t, "", nil)
	etag, age := cached.Header.Get("Etag"), time.Duration(cached.AgeMS)*time.Millisecond
	must(t, f.Store.Close())
	closed := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		asked := time.Since(closed)
		r, body := do(t, http.MethodGet, f.url+"/revocations", http.Header{"If-None-Match": {etag}})
		if r.StatusCode == http.StatusNotModified {
			if asked+time.Second > age { // a cache may use it for a second
				t.Fatalf("304 for a response with the age %v, %v after the store was closed", age, asked)
			}
			continue
		}
		if p := decodePolled(t, r, body); p.AgeMS < 2000 || p.Header.Get("Etag") != etag {
			t.Errorf("status %s, age %d ms", r.Status, p.AgeMS)
		}
		return
	}
}
