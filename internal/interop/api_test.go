package interop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
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

// TestVerifyPage runs the code of docs/verify.md in Go, JavaScript and Python:
// it accepts the tokens of the issuer and refuses all others. The page shows
// exactly the code that runs here.
func TestVerifyPage(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			f := newVerifyFixture(t, alg)
			if alg == "ES256" {
				t.Run("Go", func(t *testing.T) {
					checkVerifier(t, f, verifyInGo(t, f))
					checkRefetch(t, f, verifyInGo(t, f))
				})
			}
			t.Run("JavaScript", func(t *testing.T) { checkVerifier(t, f, verifyInNode(t, f)) })
			t.Run("Python", func(t *testing.T) { checkVerifier(t, f, verifyInPython(t, f)) })
		})
	}
	checkPage(t, "verify.md", readFile(t, "node/verify.mjs"))
	checkPage(t, "verify.md", readFile(t, "python/verify.py"))
	_, code, _ := strings.Cut(readFile(t, "api_test.go"), "\n// newVerifier")
	code, _, _ = strings.Cut(code, "\n}\n")
	checkPage(t, "verify.md", "// newVerifier"+code+"\n}\n")
}

// verifyInGo runs newVerifier.
func verifyInGo(t *testing.T, f *verifyFixture) verifyFunc {
	t.Helper()
	verify, err := newVerifier(t.Context(), f.url, f.audience)
	if err != nil {
		t.Fatal(err)
	}
	return func(token string) error {
		_, err := verify(token)
		return err
	}
}

// verifyInNode runs node/verify.mjs for the algorithm of f.
func verifyInNode(t *testing.T, f *verifyFixture) verifyFunc {
	t.Helper()
	if out, err := installNode(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	dir := copyFor(t, f, "node", "verify.mjs", "verify-tokens.mjs")
	modules, err := filepath.Abs("node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return startVerifier(t, f, dir, "node", "verify-tokens.mjs")
}

// verifyInPython runs python/verify.py for the algorithm of f.
func verifyInPython(t *testing.T, f *verifyFixture) verifyFunc {
	t.Helper()
	dir := copyFor(t, f, "python", "verify.py", "verify_tokens.py")
	return startVerifier(t, f, dir, python(t), "-B", "verify_tokens.py")
}

// copyFor copies files of a folder into a folder of the test, for the algorithm
// of f instead of ES256.
func copyFor(t *testing.T, f *verifyFixture, from string, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, file := range files {
		code := strings.ReplaceAll(readFile(t, filepath.Join(from, file)), "ES256", f.alg)
		if err := os.WriteFile(filepath.Join(dir, file), []byte(code), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startVerifier starts a program that reads a token from each line of its
// input, and writes a line: ok, or why it refuses the token.
func startVerifier(t *testing.T, f *verifyFixture, dir string, command ...string) verifyFunc {
	t.Helper()
	return byLines(startProgram(t, f, dir, command...))
}

// byLines returns a function that reads the answer to a token.
func byLines(answer func(token string) string) verifyFunc {
	return func(token string) error {
		if line := answer(token); line != "ok" && !strings.HasPrefix(line, "ok ") {
			return errors.New(line)
		}
		return nil
	}
}

// startProgram starts a program that answers each line of its input with a
// line.
func startProgram(t *testing.T, f *verifyFixture, dir string, command ...string) func(line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	var log bytes.Buffer
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir, c.Stderr = dir, &log
	c.Env = environ(map[string]string{"ISSUER": f.url, "AUDIENCE": f.audience})
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(command, " "), err, &log)
		}
		cancel()
	})
	lines := bufio.NewScanner(out)
	return func(line string) string {
		if _, err := io.WriteString(in, line+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() {
			t.Fatalf("%s has ended", strings.Join(command, " "))
		}
		return lines.Text()
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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
	if !strings.Contains(readPage(t, page), "\n"+code+"```") {
		t.Errorf("docs/%s does not show this code:\n%s", page, code)
	}
}
