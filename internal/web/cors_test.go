package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
)

// wantPage wants the response to be readable by the pages of that origin, or by
// none if it is empty.
func (r jsonResponse) wantPage(t *testing.T, what, origin string) {
	t.Helper()
	exposed := ""
	if origin != "" {
		exposed = "Retry-After, X-Request-Id"
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": exposed, "Vary": "Origin",
		"Access-Control-Allow-Credentials": "", "Cache-Control": "no-store",
	} {
		if got := r.Header.Values(name); want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0] != want) {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
}

// preflight asks whether a page of these origins may send a POST.
func (f *fixture) preflight(t *testing.T, path string, origins ...string) jsonResponse {
	t.Helper()
	return f.send(t, http.MethodOptions, path, http.Header{
		"Origin": origins, "Access-Control-Request-Method": {"POST"},
		"Access-Control-Request-Headers": {"idempotency-key"},
	}, "")
}

// page sends a form as a public client, from a page of that origin.
func (f *fixture) page(t *testing.T, path, origin, clientID string, pairs ...string) jsonResponse {
	t.Helper()
	return f.post(t, path, http.Header{"Origin": {origin}}, append([]string{"client_id", clientID}, pairs...)...)
}

// newPagesFixture returns a fixture whose confidential client web has CORS
// origins, which the administration would not allow.
func newPagesFixture(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.edit(t, "web", func(c *client.Client) { c.CORSOrigins = []string{spaOrigin, webOrigin} })
	return f
}

const webOrigin = "https://web.example"

// edit changes a client without the checks of the administration.
func (f *fixture) edit(t *testing.T, id string, edit func(*client.Client)) {
	t.Helper()
	must(t, f.Store.UpdateClient(t.Context(), id, func(c *client.Client) error { edit(c); return nil }))
	must(t, f.Registry.Poll(t.Context()))
}

func TestCORS_PreflightOfAPublicClientsPages(t *testing.T) {
	f := newPagesFixture(t)
	for _, path := range []string{"/oauth2/token", "/oauth2/revoke"} {
		for _, origin := range []string{spaOrigin, kioskOrigin, bothOrigin} {
			r := f.preflight(t, path, origin)
			r.wantPage(t, path+" from "+origin, origin)
			for name, want := range map[string]string{
				"Access-Control-Allow-Methods": "POST", "Access-Control-Max-Age": "7200",
				"Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
			} {
				if got := r.Header.Get(name); r.StatusCode != http.StatusNoContent || got != want {
					t.Errorf("%s from %s: status %d, %s is %q, want %q", path, origin, r.StatusCode, name, got, want)
				}
			}
		}

		for what, origins := range map[string][]string{
			"unknown origin":        {"https://evil.example"},
			"confidential client":   {webOrigin},
			"null":                  {"null"},
			"upper case":            {"https://SPA.example"},
			"default port":          {spaOrigin + ":443"},
			"slash at the end":      {spaOrigin + "/"},
			"empty":                 {""},
			"none":                  nil,
			"the same origin twice": {spaOrigin, spaOrigin},
			"two origins":           {spaOrigin, kioskOrigin},
			"two in one header":     {spaOrigin + ", " + kioskOrigin},
		} {
			r := f.preflight(t, path, origins...)
			r.wantPage(t, path+" "+what, "")
			if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Access-Control-Allow-Methods") != "" {
				t.Errorf("%s %s: status %d, %v", path, what, r.StatusCode, r.Header)
			}
		}
	}

	// A client must authenticate to introspect, so no page may.
	r := f.preflight(t, "/oauth2/introspect", spaOrigin)
	if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("introspection: status %d, %v", r.StatusCode, r.Header)
	}
}

func TestCORS_OnlyPagesOfTheRequestsClientReadResponses(t *testing.T) {
	f := newPagesFixture(t)
	refresh := func(origin, clientID, token string) jsonResponse {
		t.Helper()
		return f.page(t, "/oauth2/token", origin, clientID, "grant_type", "refresh_token", "refresh_token", token)
	}

	tokens := f.login(t, "spa")
	r := refresh(spaOrigin, "spa", tokens.RefreshToken)
	r.want(t, "refresh", http.StatusOK, "")
	r.wantPage(t, "refresh", spaOrigin)
	r = refresh(bothOrigin, "spa", r.text("refresh_token"))
	r.want(t, "refresh from the second origin", http.StatusOK, "")
	r.wantPage(t, "refresh from the second origin", bothOrigin)
	r = refresh(kioskOrigin, "spa", r.text("refresh_token"))
	r.want(t, "refresh from a page of another client", http.StatusOK, "")
	r.wantPage(t, "refresh from a page of another client", "")
	last := r.text("refresh_token")
	r = refresh(spaOrigin, "kiosk", last)
	r.want(t, "refresh as another client", http.StatusBadRequest, "invalid_grant")
	r.wantPage(t, "refresh as another client", "")
	r = refresh("null", "spa", "x")
	r.want(t, "refresh from a sandboxed page", http.StatusBadRequest, "invalid_grant")
	r.wantPage(t, "refresh from a sandboxed page", "")

	// A page reads the errors of its client.
	r = refresh(spaOrigin, "spa", tokens.RefreshToken+"x")
	r.want(t, "invalid_grant", http.StatusBadRequest, "invalid_grant")
	r.wantPage(t, "invalid_grant", spaOrigin)
	r = f.page(t, "/oauth2/token", spaOrigin, "spa", "grant_type", "password")
	r.want(t, "unsupported_grant_type", http.StatusBadRequest, "unsupported_grant_type")
	r.wantPage(t, "unsupported_grant_type", spaOrigin)

	r = f.page(t, "/oauth2/revoke", kioskOrigin, "spa", "token", last)
	r.want(t, "revoke from a page of another client", http.StatusOK, "")
	r.wantPage(t, "revoke from a page of another client", "")
	r = f.page(t, "/oauth2/revoke", spaOrigin, "spa", "token", last)
	r.want(t, "revoke", http.StatusOK, "")
	r.wantPage(t, "revoke", spaOrigin)

	// No page reads what a confidential client gets, also if the page has the
	// client's secret.
	header := f.basic("web")
	header.Set("Origin", spaOrigin)
	r = f.post(t, "/oauth2/token", header, "grant_type", "client_credentials")
	r.want(t, "confidential client", http.StatusOK, "")
	r.wantPage(t, "confidential client", "")
	header = f.basic(api)
	header.Set("Origin", spaOrigin)
	r = f.post(t, "/oauth2/introspect", header, "token", tokens.AccessToken)
	r.want(t, "introspection", http.StatusOK, "")
	if r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("introspection: %v", r.Header)
	}
}

// An error before the client is known can be read by the pages of all clients.
func TestCORS_PagesReadErrorsOfUnknownClients(t *testing.T) {
	f := newFixture(t)
	for what, want := range map[string]struct {
		status int
		code   string
		send   func(origin string) jsonResponse
	}{
		"unknown client": {http.StatusUnauthorized, "invalid_client", func(origin string) jsonResponse {
			return f.page(t, "/oauth2/token", origin, "nobody")
		}},
		"no client": {http.StatusUnauthorized, "invalid_client", func(origin string) jsonResponse {
			return f.post(t, "/oauth2/revoke", http.Header{"Origin": {origin}}, "token", "x")
		}},
		"malformed form": {http.StatusBadRequest, "invalid_request", func(origin string) jsonResponse {
			return f.send(t, "POST", "/oauth2/token", http.Header{"Origin": {origin}}, "a=1&a=2")
		}},
		"GET": {http.StatusMethodNotAllowed, "invalid_request", func(origin string) jsonResponse {
			return f.send(t, "GET", "/oauth2/token", http.Header{"Origin": {origin}}, "")
		}},
		"OPTIONS without a method": {http.StatusMethodNotAllowed, "invalid_request", func(origin string) jsonResponse {
			return f.send(t, "OPTIONS", "/oauth2/token", http.Header{"Origin": {origin}}, "")
		}},
	} {
		r := want.send(spaOrigin)
		r.want(t, what, want.status, want.code)
		r.wantPage(t, what, spaOrigin)
		r = want.send("https://evil.example")
		r.want(t, what, want.status, want.code)
		r.wantPage(t, what+" from an unknown origin", "")
	}
}

func TestCORS_PagesOfADisabledClient(t *testing.T) {
	f := newFixture(t)
	f.edit(t, "spa", func(c *client.Client) { c.DisabledAt = f.Registry.Now() })
	f.preflight(t, "/oauth2/token", spaOrigin).wantPage(t, "disabled", "")
	f.preflight(t, "/oauth2/token", bothOrigin).wantPage(t, "origin of another client", bothOrigin)
	r := f.page(t, "/oauth2/token", bothOrigin, "spa")
	r.want(t, "request of a disabled client", http.StatusUnauthorized, "invalid_client")
	r.wantPage(t, "request of a disabled client", bothOrigin)

	f.edit(t, "spa", func(c *client.Client) { c.DisabledAt = time.Time{} })
	f.preflight(t, "/oauth2/token", spaOrigin).wantPage(t, "enabled", spaOrigin)
}

// While the store does not answer, a page learns that it must try again.
func TestCORS_PagesReadThatTheStoreIsAway(t *testing.T) {
	f := newFixture(t)
	tokens := f.login(t, "spa")
	must(t, f.Store.Close())
	f.preflight(t, "/oauth2/token", spaOrigin).wantPage(t, "preflight", spaOrigin)
	r := f.page(t, "/oauth2/token", spaOrigin, "spa",
		"grant_type", "refresh_token", "refresh_token", tokens.RefreshToken)
	r.want(t, "refresh", http.StatusServiceUnavailable, "temporarily_unavailable")
	r.wantPage(t, "refresh", spaOrigin)
	if r.Header.Get("Retry-After") == "" {
		t.Error("the response has no Retry-After")
	}
}
