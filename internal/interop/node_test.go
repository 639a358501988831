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

// installNode puts the packages of node/package-lock.json where its scripts find them, unless they are there.
var installNode = sync.OnceValues(func() (string, error) {
	installed := filepath.Join("node", "node_modules", "installed.json") // npm removes it with all else before it begins
	lock, err := os.ReadFile(filepath.Join("node", "package-lock.json"))
	if err != nil {
		return "", err
	}
	if there, err := os.ReadFile(installed); err == nil && bytes.Equal(there, lock) {
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

// runNode runs a script of node/ with what it needs to know.
func runNode(t *testing.T, script string, facts map[string]string) {
	t.Helper()
	if out, err := installNode(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", script)
	c.Dir, c.Env = "node", os.Environ()
	for name, value := range facts {
		c.Env = append(c.Env, name+"="+value)
	}
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all as it should be") {
		t.Errorf("%s: %v\n%s", script, err, out)
	}
}

// newDemo starts an issuer with an audience, a client, a client that signs, and a user, and returns what scripts need to know.
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
	var made struct {
		ID     string `json:"id"`
		Secret string `json:"client_secret"`
	}
	i.run(t, "", &made, "clients", "create", "gateway", "--audience", audience, "--scope", "read write")
	i.run(t, "", nil, "clients", "create", "robot", "--audience", audience, "--jwks", public)
	i.run(t, password+"\n", nil, "users", "create", "ada")
	i.serve(t)
	return i, map[string]string{
		"ISSUER": "http://" + i.http, "GRPC": i.grpc, "PROTO": filepath.Join("..", "..", "..", "proto"), "AUDIENCE": audience,
		"CLIENT_ID": made.ID, "CLIENT_SECRET": made.Secret, "USERNAME": "ada", "PASSWORD": password, "JWK": string(secret),
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

// TestNodeClients: openid-client over HTTP and grpc-js over gRPC use the issuer as their users do.
func TestNodeClients(t *testing.T) {
	i, facts := newDemo(t, nil)
	t.Run("grpc-js", func(t *testing.T) { runNode(t, "grpc.mjs", facts) })
	t.Run("openid-client", func(t *testing.T) {
		login, err := call(t, i, facts["CLIENT_ID"], facts["CLIENT_SECRET"], signetv1.TokenServiceClient.Login,
			&signetv1.LoginRequest{Username: facts["USERNAME"], Password: facts["PASSWORD"]})
		if err != nil {
			t.Fatal(err)
		}
		with := maps.Clone(facts)
		with["REFRESH_TOKEN"] = login.GetRefreshToken()
		runNode(t, "openid-client.mjs", with)
	})
}
