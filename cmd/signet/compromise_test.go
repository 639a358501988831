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

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// TestRule22_CompromiseDrill declares the key that signs compromised, as the handbook has it, on two servers of one database.
// Within five seconds neither signs with it and neither publishes it, what it signed is refused by introspection, and the
// login goes on with tokens of the spare, which every JWK Set has had before.
func TestRule22_CompromiseDrill(t *testing.T) {
	kek := filepath.Join(t.TempDir(), "kek")
	database := pgtest.Empty(t)
	var machines []*machine
	for range 2 {
		m := newMachine(t, "SIGNET_STORE_URL="+database, "SIGNET_KEK_FILE="+kek, "SIGNET_ISSUER=https://login.example.com")
		if len(machines) == 0 {
			m.signet("", "keys", "--new-kek", kek)
			m.signet("", "migrate")
			m.signet("", "audiences", "create", "api", "--alg", "ES256")
			m.signet("", "clients", "create", "app", "--public", "--audience", "api", "--scope", "read")
			m.signet("a long and secret phrase\n", "users", "create", "ada")
		}
		machines = append(machines, m)
	}
	s := &session{t: t}
	for _, m := range machines {
		m.start().ready()
		s.servers = append(s.servers, tokens(t, m.grpc))
	}
	stolen := s.login()
	leaked := kidOf(t, stolen)
	held := make([]string, len(machines)) // as verifiers cached it
	for i, m := range machines {
		held[i] = jwkSetOf(t, m)
		if !strings.Contains(held[i], leaked) {
			t.Fatalf("server %d does not publish the key that signs", i)
		}
	}

	began := time.Now()
	machines[1].signet("", "keys", "--compromise", leaked)
	for i, m := range machines {
		var fresh string
		if !eventually(func() bool {
			fresh = s.refresh(i)
			return kidOf(t, fresh) != leaked && !strings.Contains(jwkSetOf(t, m), leaked)
		}) {
			t.Fatalf("server %d goes on with the compromised key", i)
		}
		for j, set := range held {
			if !strings.Contains(set, kidOf(t, fresh)) {
				t.Errorf("the set that verifiers hold of server %d does not have the key that signs now", j)
			}
		}
		if s.active(i, stolen) || !s.active(i, fresh) {
			t.Errorf("server %d takes the old token: %v, the new one: %v", i, s.active(i, stolen), s.active(i, fresh))
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s until no server signed with the key", took)
	}
}

// A session is one login of ada by the public client app, which goes from one server to another.
type session struct {
	t       *testing.T
	servers []signetv1.TokenServiceClient
	token   string
}

// login returns the access token of a new login at the first server.
func (s *session) login() string {
	s.t.Helper()
	ctx, cancel := as(s.t, "app", "")
	defer cancel()
	answer, err := s.servers[0].Login(ctx, &signetv1.LoginRequest{Username: "ada", Password: "a long and secret phrase"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.token = answer.GetRefreshToken()
	return answer.GetAccessToken()
}

// refresh returns a fresh access token from one of the servers.
func (s *session) refresh(server int) string {
	s.t.Helper()
	ctx, cancel := as(s.t, "app", "")
	defer cancel()
	answer, err := s.servers[server].Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: s.token})
	if err != nil {
		s.t.Fatalf("the login was lost: %v", err)
	}
	s.token = answer.GetRefreshToken()
	return answer.GetAccessToken()
}

// active asks one of the servers whether an access token is good.
func (s *session) active(server int, token string) bool {
	s.t.Helper()
	ctx, cancel := as(s.t, "app", "")
	defer cancel()
	answer, err := s.servers[server].Introspect(ctx, &signetv1.IntrospectRequest{Token: token})
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.GetActive()
}

// kidOf returns the id of the key that signed a token.
func kidOf(t *testing.T, token string) string {
	t.Helper()
	encoded, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	var header struct{ Kid string }
	if err != nil || json.Unmarshal(text, &header) != nil || header.Kid == "" {
		t.Fatalf("the header of a token is %q", text)
	}
	return header.Kid
}

// jwkSetOf returns the JWK Set that a server publishes.
func jwkSetOf(t *testing.T, m *machine) string {
	t.Helper()
	answer, err := http.Get("http://" + m.http + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
