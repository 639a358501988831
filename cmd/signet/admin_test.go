package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// An adminFixture is a running server and the client ops, which administers it
// over gRPC.
type adminFixture struct {
	*machine
	demo   app.Demo
	tokens signetv1.TokenServiceClient
	admin  signetv1.AdminServiceClient
	secret string // of the client ops
}

// newAdminFixture registers the client ops as docs/administration.md describes.
func newAdminFixture(t *testing.T, m *machine) *adminFixture {
	t.Helper()
	f := &adminFixture{machine: m, demo: m.demo()}
	m.signet("", "audiences", "create", f.demo.Issuer, "--scope", "signet.admin")
	var created createdClient
	text := m.signet("", "clients", "create", "ops",
		"--audience", f.demo.Issuer, "--scope", "signet.admin", "-o", "json")
	if err := json.Unmarshal([]byte(text), &created); err != nil {
		t.Fatal(err)
	}
	conn := dialGRPC(t, m.grpc)
	f.secret = created.Secret
	f.tokens, f.admin = signetv1.NewTokenServiceClient(conn), signetv1.NewAdminServiceClient(conn)
	return f
}

// token mints an access token for the client ops. It waits until the server has
// polled the new audience.
func (f *adminFixture) token() (token string) {
	f.t.Helper()
	ctx, cancel := asClient(f.t, "ops", f.secret)
	defer cancel()
	var err error
	eventually(func() bool {
		var r *signetv1.MintResponse
		if r, err = f.tokens.Mint(ctx, &signetv1.MintRequest{}); err == nil {
			token = r.GetTokens()[0].GetAccessToken()
		}
		return err == nil || ctx.Err() != nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// asBearer returns a context for a call with an access token.
func asBearer(t *testing.T, token string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token, "x-request-id", "ticket-42"), cancel
}

// post sends a form to the HTTP API as the demo client. It returns the status
// and the whole response.
func (f *adminFixture) post(path string, form url.Values) (code int, response string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, "http://"+f.http+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(f.demo.ClientID), url.QueryEscape(f.demo.ClientSecret))
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := httputil.DumpResponse(got, true)
	if err != nil {
		f.t.Fatal(err)
	}
	return got.StatusCode, string(text)
}

// An operator creates the audience and the client at a shell, the client mints
// its token and creates a user, and the user logs in. The audit log has the
// actor and the request. No log has a password or a token.
func TestAdministrationOverGRPC(t *testing.T) {
	m := newDemoMachine(t)
	p := m.start("--dev").ready()
	f := newAdminFixture(t, m)
	token := f.token()
	ctx, cancel := asBearer(t, token)
	defer cancel()
	const password = "a password that is long"
	user, err := f.admin.CreateUser(ctx, &signetv1.CreateUserRequest{Username: "Grace", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	clientCtx, cancel := asClient(t, f.demo.ClientID, f.demo.ClientSecret)
	defer cancel()
	login, err := f.tokens.Login(clientCtx, &signetv1.LoginRequest{Username: "grace", Password: password})
	if err != nil || login.GetSubject() != user.GetId() {
		t.Fatalf("login returns %v for %q, want %q", err, login.GetSubject(), user.GetId())
	}
	if _, err := f.admin.RotateKeys(ctx, &signetv1.RotateKeysRequest{}); err != nil {
		t.Error(err)
	}

	for _, event := range []string{"user.created", "key.rotated"} {
		record := `"event":"` + event + `","request_id":"ticket-42","actor":"ops"`
		// The log comes through a pipe, later than the response.
		if !eventually(func() bool { return strings.Contains(p.log.String(), record) }) {
			t.Errorf("the audit log has no %s by ops", event)
		}
	}
	log := p.log.String()
	for _, secret := range []string{password, token, login.GetAccessToken(), f.secret} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}

	m.signet("", "clients", "disable", "ops")
	if !eventually(func() bool {
		_, err := f.admin.ListUsers(ctx, &signetv1.ListUsersRequest{})
		return status.Code(err) == codes.Unauthenticated
	}) {
		t.Error("a disabled client can still call the AdminService")
	}
}

// Rule 67: a response never has an error text of the database, its address or
// its user.
func TestRule67_DatabaseErrorsAreNotReturned(t *testing.T) {
	store := pgtest.Empty(t)
	database, err := pgconn.ParseConfig(store)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, "SIGNET_KEK_FILE=kek", "SIGNET_STORE_URL="+store)
	m.signet("", "keys", "--new-kek", "kek", "--set", "issuer=https://login.example.com")
	m.start("--dev").ready()
	f := newAdminFixture(t, m)
	ctx, cancel := asBearer(t, f.token())
	defer cancel()
	clientCtx, cancel := asClient(t, f.demo.ClientID, f.demo.ClientSecret)
	defer cancel()
	credentials := &signetv1.LoginRequest{Username: f.demo.Username, Password: f.demo.Password}
	login, err := f.tokens.Login(clientCtx, credentials)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func() error{
		"Login": func() error {
			_, err := f.tokens.Login(clientCtx, credentials)
			return err
		},
		"Refresh": func() error {
			_, err := f.tokens.Refresh(clientCtx, &signetv1.RefreshRequest{RefreshToken: login.GetRefreshToken()})
			return err
		},
		"Revoke": func() error {
			_, err := f.tokens.Revoke(clientCtx, &signetv1.RevokeRequest{Token: login.GetRefreshToken()})
			return err
		},
		"Introspect": func() error {
			_, err := f.tokens.Introspect(clientCtx, &signetv1.IntrospectRequest{Token: login.GetAccessToken()})
			return err
		},
		"CreateUser": func() error {
			r := &signetv1.CreateUserRequest{Username: "grace", Password: "a password that is long"}
			_, err := f.admin.CreateUser(ctx, r)
			return err
		},
		"ListUsers": func() error {
			_, err := f.admin.ListUsers(ctx, &signetv1.ListUsersRequest{})
			return err
		},
		"CreateClient": func() error {
			_, err := f.admin.CreateClient(ctx, &signetv1.CreateClientRequest{Client: &signetv1.Client{Id: "x"}})
			return err
		},
		"RotateKeys": func() error {
			_, err := f.admin.RotateKeys(ctx, &signetv1.RotateKeysRequest{})
			return err
		},
	}
	forms := map[string]url.Values{
		"/oauth2/token":      {"grant_type": {"refresh_token"}, "refresh_token": {login.GetRefreshToken()}},
		"/oauth2/revoke":     {"token": {login.GetRefreshToken()}},
		"/oauth2/introspect": {"token": {login.GetAccessToken()}},
	}
	private := []string{
		database.Database, database.User, database.Host,
		"postgres", "pgx", "sqlstate", "relation", "constraint", "column", "dial", "socket", "connect",
	}
	checkResponses := func(when string) {
		t.Helper()
		check := func(name, response string) {
			t.Helper()
			for _, word := range private {
				if word != "" && strings.Contains(strings.ToLower(response), strings.ToLower(word)) {
					t.Errorf("%s, %s: the response has %q: %s", when, name, word, response)
				}
			}
		}
		for name, call := range calls {
			err := call()
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%s, %s: %v", when, name, err)
			}
			check(name, status.Convert(err).Proto().String())
		}
		for path, form := range forms {
			code, response := f.post(path, form)
			if code != http.StatusServiceUnavailable {
				t.Errorf("%s, %s: %d", when, path, code)
			}
			check(path, response)
		}
	}

	// Without its tables every statement fails with an error of its own.
	conn, err := pgx.Connect(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	const hide = `DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
		EXECUTE format('ALTER TABLE %I RENAME TO %I', t, 'hidden_' || t); END LOOP; END $$`
	if _, err := conn.Exec(t.Context(), hide); err != nil {
		t.Fatal(err)
	}
	checkResponses("without tables")

	// PostgreSQL rejects new connections and closes the existing ones.
	maintenance := database.Copy()
	maintenance.Database = "postgres"
	super, err := pgconn.ConnectConfig(t.Context(), maintenance)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(context.WithoutCancel(t.Context()))
	for _, statement := range []string{
		"ALTER DATABASE " + pgx.Identifier{database.Database}.Sanitize() + " ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database.Database + "'",
	} {
		if _, err = super.Exec(t.Context(), statement).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	checkResponses("without connections")
}
