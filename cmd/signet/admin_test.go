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

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// An office is a server that runs, and a client that administers it over gRPC.
type office struct {
	*machine
	facts  devFacts
	tokens signetv1.TokenServiceClient
	admin  signetv1.AdminServiceClient
	secret string // the client's
}

// openOffice registers the client ops as docs/administration.md has it.
func openOffice(t *testing.T, m *machine) *office {
	t.Helper()
	o := &office{machine: m, facts: m.facts()}
	m.signet("", "audiences", "create", o.facts.Issuer, "--scope", "signet.admin")
	var made clientView
	text := m.signet("", "clients", "create", "ops", "--audience", o.facts.Issuer, "--scope", "signet.admin", "-o", "json")
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, m.grpc)
	o.secret, o.tokens, o.admin = made.Secret, signetv1.NewTokenServiceClient(conn), signetv1.NewAdminServiceClient(conn)
	return o
}

// token mints an access token for the issuer in the client's own name. The audience is there as soon as the server has polled.
func (o *office) token() (token string) {
	o.t.Helper()
	ctx, cancel := as(o.t, "ops", o.secret)
	defer cancel()
	var err error
	eventually(func() bool {
		var r *signetv1.MintResponse
		if r, err = o.tokens.Mint(ctx, &signetv1.MintRequest{}); err == nil {
			token = r.GetTokens()[0].GetAccessToken()
		}
		return err == nil || ctx.Err() != nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return token
}

func bearer(t *testing.T, token string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token, "x-request-id", "ticket-42"), cancel
}

// post sends a form to the HTTP door as the demo's client, and returns the answer as it came.
func (o *office) post(path string, form url.Values) (code int, answer string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, "http://"+o.http+path, strings.NewReader(form.Encode()))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(o.facts.ClientID), url.QueryEscape(o.facts.ClientSecret))
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := httputil.DumpResponse(got, true)
	if err != nil {
		o.t.Fatal(err)
	}
	return got.StatusCode, string(text)
}

// The whole way: the shell makes the audience and the client, the client mints its token, makes an account with it, and the
// user logs in. The audit log has who did it and by which request, and neither log has a password or a token.
func TestAdministrationOverGRPC(t *testing.T) {
	m := newDemo(t)
	p := m.start("--dev").ready()
	o := openOffice(t, m)
	token := o.token()
	ctx, cancel := bearer(t, token)
	defer cancel()
	user, err := o.admin.CreateUser(ctx, &signetv1.CreateUserRequest{Username: "Grace", Password: "a password that is long"})
	if err != nil {
		t.Fatal(err)
	}
	demo, cancel := as(t, o.facts.ClientID, o.facts.ClientSecret)
	defer cancel()
	in, err := o.tokens.Login(demo, &signetv1.LoginRequest{Username: "grace", Password: "a password that is long"})
	if err != nil || in.GetSubject() != user.GetId() {
		t.Fatalf("%v as %q, want %q", err, in.GetSubject(), user.GetId())
	}
	if _, err := o.admin.RotateKeys(ctx, &signetv1.RotateKeysRequest{}); err != nil {
		t.Error(err)
	}
	for _, event := range []string{"user.created", "key.rotated"} {
		record := `"event":"` + event + `","request_id":"ticket-42","actor":"ops"`
		if !eventually(func() bool { return strings.Contains(p.log.String(), record) }) { // it comes through a pipe
			t.Errorf("no record of %s by ops", event)
		}
	}
	log := p.log.String()
	for _, private := range []string{"a password that is long", token, in.GetAccessToken(), o.secret} {
		if strings.Contains(log, private) {
			t.Errorf("the log has %q", private)
		}
	}

	m.signet("", "clients", "disable", "ops")
	if !eventually(func() bool {
		_, err := o.admin.ListUsers(ctx, &signetv1.ListUsersRequest{})
		return status.Code(err) == codes.Unauthenticated
	}) {
		t.Error("the client is disabled and still administers")
	}
}

// Rule 67: what the database says when it fails, where it is and as whom the server speaks to it, never reaches a caller.
func TestRule67_DatabaseErrorsStayInside(t *testing.T) {
	store := pgtest.Empty(t)
	database, err := pgconn.ParseConfig(store)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, "SIGNET_KEK_FILE=kek", "SIGNET_STORE_URL="+store)
	m.signet("", "keys", "--new-kek", "kek", "--set", "issuer=https://login.example.com")
	m.start("--dev").ready()
	o := openOffice(t, m)
	ctx, cancel := bearer(t, o.token())
	defer cancel()
	demo, cancel := as(t, o.facts.ClientID, o.facts.ClientSecret)
	defer cancel()
	in, err := o.tokens.Login(demo, &signetv1.LoginRequest{Username: o.facts.Username, Password: o.facts.Password})
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func() error{
		"Login": func() error {
			_, err := o.tokens.Login(demo, &signetv1.LoginRequest{Username: o.facts.Username, Password: o.facts.Password})
			return err
		},
		"Refresh": func() error {
			_, err := o.tokens.Refresh(demo, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
			return err
		},
		"Revoke": func() error {
			_, err := o.tokens.Revoke(demo, &signetv1.RevokeRequest{Token: in.GetRefreshToken()})
			return err
		},
		"Introspect": func() error {
			_, err := o.tokens.Introspect(demo, &signetv1.IntrospectRequest{Token: in.GetAccessToken()})
			return err
		},
		"CreateUser": func() error {
			_, err := o.admin.CreateUser(ctx, &signetv1.CreateUserRequest{Username: "grace", Password: "a password that is long"})
			return err
		},
		"ListUsers": func() error {
			_, err := o.admin.ListUsers(ctx, &signetv1.ListUsersRequest{})
			return err
		},
		"CreateClient": func() error {
			_, err := o.admin.CreateClient(ctx, &signetv1.CreateClientRequest{Client: &signetv1.Client{Id: "x"}})
			return err
		},
		"RotateKeys": func() error {
			_, err := o.admin.RotateKeys(ctx, &signetv1.RotateKeysRequest{})
			return err
		},
	}
	private := []string{
		database.Database, database.User, database.Host, "postgres", "pgx", "sqlstate", "relation", "constraint", "column", "dial", "socket", "connect",
	}
	forms := map[string]url.Values{
		"/oauth2/token":      {"grant_type": {"refresh_token"}, "refresh_token": {in.GetRefreshToken()}},
		"/oauth2/revoke":     {"token": {in.GetRefreshToken()}},
		"/oauth2/introspect": {"token": {in.GetAccessToken()}},
	}
	silent := func(when string) {
		t.Helper()
		keeps := func(name, told string) {
			t.Helper()
			for _, word := range private {
				if word != "" && strings.Contains(strings.ToLower(told), strings.ToLower(word)) {
					t.Errorf("%s, %s: the caller is told %q in %s", when, name, word, told)
				}
			}
		}
		for name, call := range calls {
			err := call()
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%s, %s: %v", when, name, err)
			}
			keeps(name, status.Convert(err).Proto().String())
		}
		for path, form := range forms {
			code, told := o.post(path, form)
			if code != http.StatusServiceUnavailable {
				t.Errorf("%s, %s: %d", when, path, code)
			}
			keeps(path, told)
		}
	}

	// Every statement fails in its own way: the tables are gone.
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
	silent("without tables")

	// Nobody gets in any more, and who is in is thrown out.
	elsewhere := database.Copy()
	elsewhere.Database = "postgres"
	super, err := pgconn.ConnectConfig(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(context.WithoutCancel(t.Context()))
	_, err = super.Exec(t.Context(), "ALTER DATABASE "+pgx.Identifier{database.Database}.Sanitize()+" ALLOW_CONNECTIONS false").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	_, err = super.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+database.Database+"'").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	silent("without connections")
}
