package openapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/issuertest"
)

// question returns the parameters of the path of a question.
func question(path string) map[string]string {
	parameters := map[string]string{"audience": "-"}
	if strings.Contains(path, "{uri}") {
		parameters["uri"] = "cart/1"
	}
	return parameters
}

// ask returns a question about a page of the client desk, with more headers.
func ask(operation, path string, more ...string) call {
	h := header("X-Forwarded-Proto", "https")
	if strings.Contains(path, "{uri}") {
		h.Set("Host", "desk.example")
	} else {
		h = with(h, "X-Forwarded-Method", "GET", "X-Forwarded-Host", "desk.example", "X-Forwarded-Uri", "/cart?a=b")
	}
	return call{operation: operation, path: question(path), header: with(h, more...)}
}

func (c *checker) askAsGateway(t *testing.T, f *fixture) {
	login := call{operation: "logIn", header: header("Origin", deskOrigin), json: goodLogin}
	r, _ := c.send(t, f.public, login, 200, "")
	session := cookies(r)
	tokens, err := f.Login(t.Context(), f.Caller(t, "web"), issuertest.LoginRequest{
		Username: username, Password: password, Audience: []string{api},
	})
	must(t, err)

	for id, route := range c.routes {
		if !strings.Contains(id, "Question") {
			continue
		}
		send := func(status int, more ...string) {
			t.Helper()
			c.send(t, f.gateway, ask(id, route.Path, more...), status, "")
		}
		send(200, "Cookie", session, "Origin", deskOrigin, "Sec-Fetch-Site", "same-origin", "Sec-WebSocket-Key", "a")
		send(200, "Authorization", "Bearer "+tokens.AccessToken)
		send(403, "Cookie", session, "Origin", "https://evil.example", "Sec-WebSocket-Key", "a")
		q := ask(id, route.Path)
		q.header.Del("X-Forwarded-Proto")
		q.invalid = true
		c.send(t, f.gateway, q, 403, "")

		switch {
		case strings.Contains(id, "Optional"):
			send(200)
		case id == "askNginxQuestion":
			send(401, "Sec-Fetch-Mode", "navigate")
		default:
			send(401)
			send(http.StatusFound, "Sec-Fetch-Mode", "navigate")
		}
	}
}
