package openapi

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The types that openapi-typescript generates from the document pass tsc
// --strict in a client, and the client gets tokens.
func TestDocument_GeneratedClient(t *testing.T) {
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		t.Skip("it installs a generator of npm: SIGNET_TEST_LONG=1 runs it")
	}
	f, dir := newFixture(t), t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS("client")))
	document, err := filepath.Abs("../../../docs/openapi.yaml")
	must(t, err)
	env := []string{"URL_OF_ISSUER=" + f.public.url, "CLIENT=web", "SECRET=" + f.Secrets["web"]}

	run(t, dir, env, "npm", "ci", "--no-audit", "--no-fund")
	run(t, dir, env, "node_modules/.bin/openapi-typescript", document, "--output", "signet.d.ts")
	run(t, dir, env, "node_modules/.bin/tsc", "--strict", "--target", "es2022", "--module", "nodenext",
		"--lib", "es2022,dom", "client.ts")
	if out := run(t, dir, env, "node", "client.js"); !strings.Contains(out, "all checks passed") {
		t.Errorf("the client printed %s", out)
	}
}

// Schemathesis sends requests that it makes from the document, valid and
// invalid. No response has another status, header or body than the document
// says, and none is an error of the server.
//
// Three of its checks do not apply: the document does not say which combination
// of valid parameters is an error, the server ignores invalid optional headers,
// and it answers all methods of a gateway's question.
func TestDocument_Schemathesis(t *testing.T) {
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		t.Skip("it installs a program of PyPI and takes a minute: SIGNET_TEST_LONG=1 runs it")
	}
	f, dir := newFixture(t), t.TempDir()
	document, err := filepath.Abs("../../../docs/openapi.yaml")
	must(t, err)
	requirements, err := filepath.Abs("schemathesis.txt")
	must(t, err)
	run(t, dir, nil, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--only-binary=:all:", "--require-hashes", "--target", "python", "--requirement", requirements)

	for _, part := range []struct {
		server server
		args   []string
	}{
		{f.public, []string{
			"--exclude-tag", "gateways", "--exclude-tag", "browser", "--exclude-tag", "operation",
			"--auth", "web:" + f.Secrets["web"],
		}},
		{f.public, []string{"--include-tag", "browser", "--header", "Origin: " + pageOrigin}},
		{f.public, []string{
			"--include-tag", "browser", "--header", "Origin: " + deskOrigin, "--header", "Sec-Fetch-Site: same-origin",
		}},
		{f.gateway, []string{
			"--include-tag", "gateways", "--header", "X-Forwarded-Host: desk.example", "--header", "Host: desk.example",
			"--header", "X-Forwarded-Proto: https",
		}},
	} {
		args := append([]string{
			"python3", "-m", "schemathesis.cli", "run", document, "--url", part.server.url, "--seed", "1",
			"--max-examples", "25", "--max-time", "20", "--phases", "examples,coverage,fuzzing", "--no-color",
			"--continue-on-failure",
			"--exclude-checks", "positive_data_acceptance,negative_data_rejection,unsupported_method",
		}, part.args...)
		run(t, dir, []string{"PYTHONPATH=" + filepath.Join(dir, "python")}, args...)
	}
}

// run runs a command in a folder and returns its output.
func run(t *testing.T, dir string, env []string, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command[:2], " "), err, out)
	}
	return string(out)
}
