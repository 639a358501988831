package interop

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// installNode installs the packages of node/package-lock.json, unless they are
// installed already. It returns the output of npm.
var installNode = sync.OnceValues(func() (string, error) {
	// npm ci removes this file with all packages before it installs new ones.
	installed := filepath.Join("node", "node_modules", "installed.json")
	lock, err := os.ReadFile(filepath.Join("node", "package-lock.json"))
	if err != nil {
		return "", err
	}
	if last, err := os.ReadFile(installed); err == nil && bytes.Equal(last, lock) {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "npm", "ci")
	c.Dir = "node"
	out, err := c.CombinedOutput()
	if err == nil {
		err = os.WriteFile(installed, lock, 0o644)
	}
	return string(out), err
})

// runNode runs a script of node/ with these environment variables.
func runNode(t *testing.T, script string, env map[string]string) {
	t.Helper()
	if out, err := installNode(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", script)
	c.Dir, c.Env = "node", environ(env)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all checks passed") {
		t.Errorf("%s: %v\n%s", script, err, out)
	}
}

// gatewayID is the id of a client that HTTP Basic must form-encode (RFC 6749
// §2.3.1).
const gatewayID = "https://gateway.example:8443/a+b%41"

// newDemo starts an issuer with an audience, two clients and a user. The client
// gatewayID has a secret, and robot has a key. newDemo returns the environment
// variables of the scripts.
func newDemo(t *testing.T, settings map[string]string) (*issuer, map[string]string) {
	t.Helper()
	const audience, password = "https://api.example", "a long and secret phrase"
	i := newIssuer(t, settings)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private := jose.JSONWebKey{Key: key, KeyID: "robot-1", Algorithm: "ES256", Use: "sig"}
	public := filepath.Join(i.dir, "robot.json")
	writeJSON(t, public, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Public()}})
	secret, err := json.Marshal(private)
	if err != nil {
		t.Fatal(err)
	}
	i.run(t, "", nil, "migrate")
	i.run(t, "", nil, "audiences", "create", audience, "--alg", "ES256")
	var gateway struct {
		ID     string `json:"id"`
		Secret string `json:"client_secret"`
	}
	i.run(t, "", &gateway, "clients", "create", gatewayID, "--audience", audience, "--scope", "read write")
	i.run(t, "", nil, "clients", "create", "robot", "--audience", audience, "--jwks", public)
	i.run(t, password+"\n", nil, "users", "create", "ada")
	i.serve(t)
	return i, map[string]string{
		"ISSUER":        "http://" + i.http,
		"GRPC":          i.grpc,
		"PROTO":         filepath.Join("..", "..", "..", "proto"),
		"AUDIENCE":      audience,
		"CLIENT_ID":     gateway.ID,
		"CLIENT_SECRET": gateway.Secret,
		"USERNAME":      "ada",
		"PASSWORD":      password,
		"JWK":           string(secret),
	}
}

func writeJSON(t *testing.T, file string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestNodeClients uses the issuer with openid-client over HTTP and with grpc-js
// over gRPC.
func TestNodeClients(t *testing.T) {
	i, env := newDemo(t, nil)
	t.Run("grpc-js", func(t *testing.T) { runNode(t, "grpc.mjs", env) })
	t.Run("openid-client", func(t *testing.T) {
		login, err := call(t, i, env["CLIENT_ID"], env["CLIENT_SECRET"], signetv1.TokenServiceClient.Login,
			&signetv1.LoginRequest{Username: env["USERNAME"], Password: env["PASSWORD"]})
		if err != nil {
			t.Fatal(err)
		}
		env = maps.Clone(env)
		env["REFRESH_TOKEN"] = login.GetRefreshToken()
		runNode(t, "openid-client.mjs", env)
	})
}
