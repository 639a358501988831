package interop

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// newVerifier returns a function that verifies access tokens. It caches the
// issuer's keys for five minutes. An unknown kid triggers a new fetch.
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

// TestVerifyPage checks that the code in docs/verify.md accepts the tokens of
// the issuer and rejects all others, in Go, JavaScript and Python. It also
// checks that the page shows exactly the code that runs here.
func TestVerifyPage(t *testing.T) {
	i, env := newDemo(t, nil)
	login, err := call(t, i, env["CLIENT_ID"], env["CLIENT_SECRET"], signetv1.TokenServiceClient.Login,
		&signetv1.LoginRequest{Username: env["USERNAME"], Password: env["PASSWORD"]})
	if err != nil {
		t.Fatal(err)
	}
	token := login.GetAccessToken()
	invalid := []string{forge(token), token + "A", login.GetRefreshToken(), "a.b.c"}

	for name, run := range map[string]func(t *testing.T, env map[string]string){
		"Go":         verifyInGo,
		"JavaScript": func(t *testing.T, env map[string]string) { runNode(t, "verify-tokens.mjs", env) },
		"Python":     func(t *testing.T, env map[string]string) { runPython(t, "verify_tokens.py", env) },
	} {
		t.Run(name, func(t *testing.T) { run(t, withTokens(t, env, env["AUDIENCE"], []string{token}, invalid)) })
		t.Run(name+" for another audience", func(t *testing.T) {
			run(t, withTokens(t, env, "https://other.example", []string{}, []string{token}))
		})
	}

	for file, whole := range map[string]bool{"node/verify.mjs": true, "python/verify.py": true, "api_test.go": false} {
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
		checkPage(t, "verify.md", code)
	}
}

// withTokens returns a copy of env for a verifier: the audience, and the tokens
// that the verifier must accept and reject.
func withTokens(t *testing.T, env map[string]string, audience string, valid, invalid []string) map[string]string {
	t.Helper()
	env = maps.Clone(env)
	env["AUDIENCE"] = audience
	for name, tokens := range map[string][]string{"VALID": valid, "INVALID": invalid} {
		text, err := json.Marshal(tokens)
		if err != nil {
			t.Fatal(err)
		}
		env[name] = string(text)
	}
	return env
}

// verifyInGo runs newVerifier.
func verifyInGo(t *testing.T, env map[string]string) {
	verify, err := newVerifier(t.Context(), env["ISSUER"], env["AUDIENCE"])
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"VALID": true, "INVALID": false} {
		var tokens []string
		if err := json.Unmarshal([]byte(env[name]), &tokens); err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			claims, err := verify(token)
			if accepted := err == nil && claims["client_id"] == "gateway"; accepted != want {
				t.Errorf("verify %s: accepted is %t, want %t; error %v", token, accepted, want, err)
			}
		}
	}
}

// runPython runs a script of python/ with these environment variables.
func runPython(t *testing.T, script string, env map[string]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, python(t), "-B", script)
	c.Dir, c.Env = "python", environ(env)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all checks passed") {
		t.Errorf("%s: %v\n%s", script, err, out)
	}
}

// environ returns the environment of the test with more variables.
func environ(more map[string]string) []string {
	env := os.Environ()
	for name, value := range more {
		env = append(env, name+"="+value)
	}
	return env
}

// python returns an interpreter that has PyJWT: the one in PATH, or Debian's.
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

// checkPage checks that a page of docs shows exactly that code.
func checkPage(t *testing.T, page, code string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\n"+code+"```") {
		t.Errorf("docs/%s does not show this code:\n%s", page, code)
	}
}
