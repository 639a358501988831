package interop

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// newVerifier fetches the issuer's keys, again every five minutes, and for a kid that it does not know.
func newVerifier(ctx context.Context, issuer, audience string) (func(token string) (jwt.MapClaims, error), error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{issuer + "/.well-known/jwks.json"},
		keyfunc.Override{RefreshInterval: 5 * time.Minute})
	if err != nil {
		return nil, err
	}
	return func(token string) (jwt.MapClaims, error) {
		claims := jwt.MapClaims{}
		parsed, err := jwt.ParseWithClaims(token, claims, keys.Keyfunc, jwt.WithValidMethods([]string{"ES256"}),
			jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
		if err != nil {
			return nil, err
		}
		if parsed.Header["typ"] != "at+jwt" {
			return nil, errors.New("not an access token")
		}
		return claims, nil
	}, nil
}

// TestVerifyPage: what docs/verify.md shows in Go, JavaScript and Python takes our tokens, and no others. The page shows the
// code that runs here.
func TestVerifyPage(t *testing.T) {
	i, facts := newDemo(t, nil)
	answer, err := call(t, i, facts["CLIENT_ID"], facts["CLIENT_SECRET"], signetv1.TokenServiceClient.Login,
		&signetv1.LoginRequest{Username: facts["USERNAME"], Password: facts["PASSWORD"]})
	if err != nil {
		t.Fatal(err)
	}
	token := answer.GetAccessToken()
	bad := []string{forge(token), token + "A", answer.GetRefreshToken(), "a.b.c"}
	for name, run := range map[string]func(t *testing.T, facts map[string]string){
		"Go":         verifyInGo,
		"JavaScript": func(t *testing.T, facts map[string]string) { runNode(t, "verify-tokens.mjs", facts) },
		"Python":     verifyInPython,
	} {
		t.Run(name, func(t *testing.T) { run(t, withTokens(t, facts, facts["AUDIENCE"], []string{token}, bad)) })
		t.Run(name+" for another audience", func(t *testing.T) {
			run(t, withTokens(t, facts, "https://other.example", []string{}, []string{token}))
		})
	}
	for file, whole := range map[string]bool{"node/verify.mjs": true, "python/verify.py": true, "api_test.go": false} {
		pageShows(t, file, whole)
	}
}

// withTokens returns the facts with what is to be accepted and what is not.
func withTokens(t *testing.T, facts map[string]string, audience string, good, bad []string) map[string]string {
	t.Helper()
	with := maps.Clone(facts)
	with["AUDIENCE"] = audience
	for name, tokens := range map[string][]string{"GOOD": good, "BAD": bad} {
		text, err := json.Marshal(tokens)
		if err != nil {
			t.Fatal(err)
		}
		with[name] = string(text)
	}
	return with
}

func verifyInGo(t *testing.T, facts map[string]string) {
	verify, err := newVerifier(t.Context(), facts["ISSUER"], facts["AUDIENCE"])
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"GOOD": true, "BAD": false} {
		var tokens []string
		if err := json.Unmarshal([]byte(facts[name]), &tokens); err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			claims, err := verify(token)
			if accepted := err == nil && claims["client_id"] == "gateway"; accepted != want {
				t.Errorf("%s is accepted: %t, %v", token, accepted, err)
			}
		}
	}
}

func verifyInPython(t *testing.T, facts map[string]string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, python(t), "-B", "verify_tokens.py")
	c.Dir, c.Env = "python", os.Environ()
	for name, value := range facts {
		c.Env = append(c.Env, name+"="+value)
	}
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all as it should be") {
		t.Errorf("%v\n%s", err, out)
	}
}

// python returns a Python that has PyJWT: the one in PATH, or Debian's own.
func python(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), program, "-c", "import jwt, cryptography").Run() == nil {
			return program
		}
	}
	t.Fatal("no python3 has PyJWT and cryptography: apt-get install python3-jwt python3-cryptography")
	return ""
}

// pageShows wants the code of a file, or its function newVerifier, in docs/verify.md.
func pageShows(t *testing.T, file string, whole bool) {
	t.Helper()
	page, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code := string(text)
	if !whole {
		_, code, _ = strings.Cut(code, "\n// newVerifier")
		code, _, _ = strings.Cut(code, "\n}\n")
		code = "// newVerifier" + code + "\n}\n"
	}
	if !strings.Contains(string(page), "\n"+code+"```") {
		t.Errorf("docs/verify.md does not show what %s has now:\n%s", file, code)
	}
}
