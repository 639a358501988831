package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 22: an operator declares the active key compromised, as the handbook
// describes, on two servers of one database. Within five seconds no server
// signs with the key or publishes it, and introspection rejects its tokens. The
// login goes on with tokens of the spare key, which every JWK Set had before.
func TestRule22_CompromiseDrill(t *testing.T) {
	kek := filepath.Join(t.TempDir(), "kek")
	database := pgtest.Empty(t)
	var machines []*machine
	for range 2 {
		m := newMachine(t,
			"SIGNET_STORE_URL="+database, "SIGNET_KEK_FILE="+kek, "SIGNET_ISSUER=https://login.example.com")
		if len(machines) == 0 {
			m.signet("", "keys", "--new-kek", kek)
			m.signet("", "migrate")
			m.signet("", "audiences", "create", "api", "--alg", "ES256")
			m.signet("", "clients", "create", "app", "--public", "--audience", "api", "--scope", "read")
			m.signet("a long and secret phrase\n", "users", "create", "ada")
		}
		machines = append(machines, m)
	}
	d := &device{t: t, credentials: app.Demo{ClientID: "app", Username: "ada", Password: "a long and secret phrase"}}
	servers := make([]signetv1.TokenServiceClient, len(machines))
	for i, m := range machines {
		m.start().ready()
		servers[i] = tokens(t, m.grpc)
	}
	// at returns the device with its one login as a client of server i.
	at := func(server int) *device {
		d.tokens = servers[server]
		return d
	}
	if err := at(0).login(); err != nil {
		t.Fatal(err)
	}
	stolen := refreshAccess(t, at(0))
	compromised := tokenKID(t, stolen)
	cached := make([]string, len(machines)) // the JWK Sets that verifiers cache
	for i, m := range machines {
		cached[i] = fetchJWKSet(t, m)
		if !strings.Contains(cached[i], compromised) {
			t.Fatalf("server %d does not publish the active key", i)
		}
	}

	began := time.Now()
	machines[1].signet("", "keys", "--compromise", compromised)
	for i, m := range machines {
		var fresh string
		if !eventually(func() bool {
			fresh = refreshAccess(t, at(i))
			return tokenKID(t, fresh) != compromised && !strings.Contains(fetchJWKSet(t, m), compromised)
		}) {
			t.Fatalf("server %d still uses the compromised key", i)
		}
		for j, set := range cached {
			if !strings.Contains(set, tokenKID(t, fresh)) {
				t.Errorf("the cached JWK Set of server %d does not have the new active key", j)
			}
		}
		if isActive(t, at(i), stolen) || !isActive(t, at(i), fresh) {
			t.Errorf("server %d: old token active %v, new token active %v",
				i, isActive(t, at(i), stolen), isActive(t, at(i), fresh))
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the servers used the compromised key for %s", took)
	}
}

// refreshAccess refreshes a login once and returns the access token.
func refreshAccess(t *testing.T, d *device) string {
	t.Helper()
	response, err := d.refreshOnce()
	if err != nil {
		t.Fatalf("the login was lost: %v", err)
	}
	return response.GetAccessToken()
}

// isActive returns the result of the introspection of an access token.
func isActive(t *testing.T, d *device, token string) bool {
	t.Helper()
	ctx, cancel := asClient(t, d.credentials.ClientID, d.credentials.ClientSecret)
	defer cancel()
	response, err := d.tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetActive()
}

// tokenKID returns the id of the key that signed a token.
func tokenKID(t *testing.T, token string) string {
	t.Helper()
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	var header struct{ Kid string }
	if err != nil || json.Unmarshal(text, &header) != nil || header.Kid == "" {
		t.Fatalf("the header of a token is %q", text)
	}
	return header.Kid
}

// fetchJWKSet returns the JWK Set that a server publishes.
func fetchJWKSet(t *testing.T, m *machine) string {
	t.Helper()
	response, err := http.Get("http://" + m.http + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
