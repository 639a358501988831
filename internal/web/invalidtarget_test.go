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
	for want, answer := range map[string]jsonResponse{
		"The client has no audience 'https://evil.example/it's', or it is disabled.": credentialsFor("web", api, foreign),
		"'not??one?' is not the identifier of an audience.":                          credentialsFor("web", malformed),
		"The audiences of one token must share one algorithm, and '" + eddsaAPI + "' has another one.": credentialsFor(
			"web", api, eddsaAPI),
		"The client has no audience, or it is disabled.":        credentialsFor(api),
		"The grant has no audience '" + eddsaAPI + "'.":         f.refresh(t, "web", refresh, "resource", eddsaAPI),
		"'a?b' is not the identifier of an audience.":           sessionFor(`"a b"`),
		"The client has no audience 'else', or it is disabled.": sessionFor(`"` + files + `","else"`),
	} {
		answer.want(t, want, http.StatusBadRequest, "invalid_target")
		if got := answer.text("error_description"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
