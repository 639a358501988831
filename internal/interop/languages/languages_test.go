package languages

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/interop/programs"
)

func TestMain(m *testing.M) {
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		os.Exit(m.Run())
	}
	os.Exit(programs.Main(m.Run, "./cmd/signet"))
}

// TestClients runs the commands of docs/interoperability.md in each language:
// they generate the code from the .proto files, compile the client of the page,
// and log in, refresh and revoke with it. The client then gets an error with
// the reason INVALID_GRANT.
func TestClients(t *testing.T) {
	blocks := map[string]string{}
	for _, language := range []string{"java", "kotlin", "python", "typescript"} {
		blocks[language] = programs.Block(t, "interoperability.md", "sh "+language)
	}
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		t.Skip("it needs Maven, npm and PyPI: SIGNET_TEST_LONG=1 runs it")
	}
	env := startIssuer(t)
	for language, commands := range blocks {
		t.Run(language, func(t *testing.T) {
			dir := t.TempDir()
			copyFolder(t, language, dir)
			copyFolder(t, "../../../proto", filepath.Join(dir, "proto"))
			begin := time.Now()
			out := run(t, dir, env, "bash", "-euc", commands)
			t.Logf("%v\n%s", time.Since(begin).Round(time.Second), out)
			if !strings.Contains(out, "logged in: usr_") || !strings.Contains(out, "logged out: INVALID_GRANT") {
				t.Error("the client did not log in and out")
			}
		})
	}
	var grants []struct{ State string }
	text := run(t, env["DIR"], env, programs.Path("signet"), "grants", "list", "--user", "ada", "--output", "json")
	if err := json.Unmarshal([]byte(text), &grants); err != nil || len(grants) == 0 {
		t.Errorf("the user has no grants, error %v", err)
	}
	for _, grant := range grants {
		if grant.State != "revoked" {
			t.Errorf("a login has the state %s", grant.State)
		}
	}
}

// startIssuer starts an issuer with a client and a user, and returns the
// environment of the clients.
func startIssuer(t *testing.T) map[string]string {
	t.Helper()
	addresses := programs.FreeAddresses(t, 3)
	env := map[string]string{
		"DIR": t.TempDir(), "SIGNET_ISSUER": "http://" + addresses[0], "SIGNET_HTTP_ADDRESS": addresses[0],
		"SIGNET_GRPC_ADDRESS": addresses[1], "SIGNET_OPS_ADDRESS": addresses[2],
		"SIGNET_GATEWAY_ADDRESS": "127.0.0.1:0", "SIGNET_SHUTDOWN_DRAIN": "0s", "GRPC": addresses[1],
		"CLIENT_ID": "https://shop.example/a+b", "USERNAME": "ada", "PASSWORD": "a long and secret phrase",
	}
	env["SIGNET_DATA_DIR"] = filepath.Join(env["DIR"], "data")
	signet := func(args ...string) string { return run(t, env["DIR"], env, programs.Path("signet"), args...) }
	signet("migrate")
	signet("audiences", "create", "https://api.example")
	var client struct {
		Secret string `json:"client_secret"`
	}
	text := signet("clients", "create", env["CLIENT_ID"], "--audience", "https://api.example", "--output", "json")
	if err := json.Unmarshal([]byte(text), &client); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	env["CLIENT_SECRET"] = client.Secret
	run(t, env["DIR"], env, "bash", "-c", `echo "$PASSWORD" | "$0" users create ada`, programs.Path("signet"))

	dir := t.TempDir()
	programs.Foreign(t, dir, append([]string{"env"}, append(pairs(env), programs.Path("signet"), "serve")...)...)
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + env["SIGNET_OPS_ADDRESS"] + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return env
			}
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatal("the server did not become ready")
		}
	}
}

func pairs(env map[string]string) (pairs []string) {
	for name, value := range maps.All(env) {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

// run runs a command and returns its standard output.
func run(t *testing.T, dir string, env map[string]string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	var out, log bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Stdout, c.Stderr, c.WaitDelay = dir, &out, &log, time.Second
	c.Env = append(programs.Environment(), pairs(env)...)
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &out, &log)
	}
	return out.String()
}

// copyFolder copies the files of a folder, without those of earlier builds.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
