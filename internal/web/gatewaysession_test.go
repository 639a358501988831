package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// askGateway sends what a gateway asks about a request of a page of desk to an
// audience, with those cookies.
func (f *fixture) askGateway(t *testing.T, audience, cookie string) *http.Response {
	t.Helper()
	gateway := httptest.NewServer(GatewayHandler(GatewayOptions{Checker: f.Checker, Log: f.Logs.Logger()}))
	defer gateway.Close()
	check := gateway.URL + "/forward-auth/" + url.PathEscape(audience)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, check, nil)
	must(t, err)
	r.Header = http.Header{
		"Cookie": {cookie}, "X-Forwarded-Method": {http.MethodGet}, "X-Forwarded-Uri": {"/orders"},
		"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {strings.TrimPrefix(deskOrigin, "https://")},
	}
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, response.Body.Close())
	return response
}

func TestGateway_AcceptsTheCookieThatALoginSets(t *testing.T) {
	f := newPages(t)
	for _, remember := range []string{"true", "false"} {
		login := f.ask(t, call{
			path: sessionLoginPath, origin: deskOrigin, body: credentials(username, password, `,"remember":`+remember),
		})
		login.want(t, "login", http.StatusOK, "")
		answer := f.askGateway(t, "-", "theme=dark; "+deskCookie+"="+login.value(deskCookie))
		authorization := answer.Header.Values("Authorization")
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(strings.Join(authorization, ","), "Bearer ey") {
			t.Errorf("remember %s: got %s, Authorization %q", remember, answer.Status, authorization)
		}
		if rest := answer.Header.Values("Cookie"); len(rest) != 1 || rest[0] != "theme=dark" {
			t.Errorf("remember %s: the service gets the cookies %q", remember, rest)
		}
	}
}

// The audiences have different algorithms.
func TestGateway_SessionIsForAllAudiencesOfTheClient(t *testing.T) {
	f := newPages(t)
	login := f.logIn(t, deskOrigin, "")
	login.want(t, "login", http.StatusOK, "")
	cookie := deskCookie + "=" + login.value(deskCookie)
	for audience, want := range map[string]int{api: 200, files: 200, "https://other.example": 403} {
		if answer := f.askGateway(t, audience, cookie); answer.StatusCode != want {
			t.Errorf("%s: got %s, want %d", audience, answer.Status, want)
		}
	}

	narrow := f.ask(t, call{
		path: sessionLoginPath, origin: deskOrigin, body: credentials(username, password, `,"audience":["`+files+`"]`),
	})
	narrow.want(t, "login for one audience", http.StatusOK, "")
	cookie = deskCookie + "=" + narrow.value(deskCookie)
	for audience, want := range map[string]int{api: 403, files: 200} {
		if answer := f.askGateway(t, audience, cookie); answer.StatusCode != want {
			t.Errorf("%s, login for %s: got %s, want %d", audience, files, answer.Status, want)
		}
	}
	f.ask(t, call{
		path: sessionLoginPath, origin: deskOrigin,
		body: credentials(username, password, `,"audience":["https://other.example"]`),
	}).want(t, "login for a foreign audience", http.StatusBadRequest, "invalid_target")
}
