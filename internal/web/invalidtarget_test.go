package web

import (
	"net/http"
	"testing"
)

// The description of invalid_target names the audience that the request is
// refused for, in the characters of RFC 6749 §5.2. It names no audience that
// the request does not have.
func TestInvalidTarget_NamesTheAudience(t *testing.T) {
	f, pages := newFixture(t), newPages(t)
	refresh := f.login(t, "web").RefreshToken
	const foreign, malformed = "https://evil.example/it's", `not "one"`
	credentialsFor := func(client string, resources ...string) jsonResponse {
		values := []string{"grant_type", "client_credentials"}
		for _, resource := range resources {
			values = append(values, "resource", resource)
		}
		return f.post(t, "/oauth2/token", f.basic(client), values...)
	}
	sessionFor := func(audience string) jsonResponse {
		return pages.ask(t, call{
			path: sessionLoginPath, origin: shopOrigin, body: credentials(username, password, `,"audience":[`+audience+`]`),
		}).jsonResponse
	}
	const noIdentifier = "The request has an audience that is no identifier."
	for _, c := range []struct {
		answer jsonResponse
		want   string
	}{
		{credentialsFor("web", api, foreign), "The client has no audience '" + foreign + "', or it is disabled."},
		{credentialsFor("web", malformed), noIdentifier},
		{
			credentialsFor("web", api, eddsaAPI),
			"The audiences of one token must share one algorithm, and '" + eddsaAPI + "' has another one.",
		},
		{credentialsFor(api), "The client has no audience, or it is disabled."},
		{f.refresh(t, "web", refresh, "resource", eddsaAPI), "The grant has no audience '" + eddsaAPI + "'."},
		{sessionFor(`"a b"`), noIdentifier},
		{sessionFor(`"` + files + `","else"`), "The client has no audience 'else', or it is disabled."},
	} {
		c.answer.want(t, c.want, http.StatusBadRequest, "invalid_target")
		if got := c.answer.text("error_description"); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
