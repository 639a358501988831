package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// askGateway sends what a gateway asks about a request of a page of desk, with
// those cookies.
func (f *fixture) askGateway(t *testing.T, cookie string) *http.Response {
	t.Helper()
	gateway := httptest.NewServer(GatewayHandler(GatewayOptions{Checker: f.Checker, Log: f.Logs.Logger()}))
	defer gateway.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.URL+"/forward-auth/-", nil)
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
		answer := f.askGateway(t, "theme=dark; "+deskCookie+"="+login.value(deskCookie))
		authorization := answer.Header.Values("Authorization")
		if answer.StatusCode != http.StatusOK || !strings.HasPrefix(strings.Join(authorization, ","), "Bearer ey") {
			t.Errorf("remember %s: got %s, Authorization %q", remember, answer.Status, authorization)
		}
		if rest := answer.Header.Values("Cookie"); len(rest) != 1 || rest[0] != "theme=dark" {
			t.Errorf("remember %s: the service gets the cookies %q", remember, rest)
		}
	}
}
