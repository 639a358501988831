package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// typedAsName is the name of a secret: a password that a user typed into the
// field of the user name.
const typedAsName = "a password typed as a user name"

// Rule 66: no output of the program has a secret. The test uses every secret in
// every way, also invalid ones, with the log level debug. Then it scans the log
// and the audit log, the results of commands, metrics, profiles, traces, the
// statements that PostgreSQL logs, the files of the process under /proc, and
// the stacks that a crash prints.
func TestRule66_NoOutputHasASecret(t *testing.T) {
	database, sqlLog := loggingDatabase(t)
	s := &secretScan{
		secret: map[string][]byte{"the database password": []byte("canary-of-the-database")},
		public: map[string][]byte{},
	}
	dir := t.TempDir()
	kek, storeURL := filepath.Join(dir, "kek"), filepath.Join(dir, "store-url")
	withPassword := *database
	query := withPassword.Query()
	query.Del("user")
	withPassword.User, withPassword.RawQuery = url.UserPassword("postgres", "canary-of-the-database"), query.Encode()
	if err := os.WriteFile(storeURL, []byte(withPassword.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	spans, collectorAddress := startCollector(t)
	m := newMachine(t, "SIGNET_STORE_URL_FILE="+storeURL, "SIGNET_KEK_FILE="+kek,
		"SIGNET_LOG_LEVEL=debug", "SIGNET_LOG_FORMAT=json",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://"+collectorAddress, "OTEL_BSP_SCHEDULE_DELAY=100")
	m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com")
	p := m.start("--dev").ready()

	const password, newPassword = "canary horse battery staple", "canary cow charger paperclip"
	d := &device{t: t, credentials: m.demo(), tokens: tokens(t, m.grpc)}
	s.secret["a password"], s.secret["the new password"] = []byte(password), []byte(newPassword)
	s.secret["the client secret"] = []byte(d.credentials.ClientSecret)
	d.credentials.Username, d.credentials.Password = "ada", password
	printed := m.signet(password+"\n", "users", "create", "ada")
	for id, alg := range map[string]string{"elliptic": "ES256", "edwards": "EdDSA"} {
		printed += m.signet("", "audiences", "create", id, "--alg", alg)
	}
	s.addLogin(t, d, "the first grant")
	s.misuse(t, m, d)
	printed += m.signet(newPassword+"\n", "users", "set-password", "ada")
	if !eventuallyAfter(programPause, func() bool { return strings.Count(m.signet("", "keys"), " now ") >= 8 }) {
		t.Fatal("the server did not create the keys of the new audiences")
	}
	printed += m.signet("", "keys", "--rotate", "--now", "--alg", "all")
	printed += m.signet("", "config") + m.signet("", "config", "-o", "json")
	printed += m.signet("", "users", "list", "-o", "json") + m.signet("", "clients", "list", "-o", "json")
	printed += m.signet("", "keys", "-o", "json")
	s.addKeys(t, m)

	s.checkText(t, "the results of commands", []byte(printed))
	s.checkText(t, "stderr of commands", []byte(m.stderr.String()))
	s.checkText(t, "a command that does not reach the database", m.runWithoutDatabase())
	for _, path := range []string{
		"/metrics", "/readyz?verbose", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/heap",
		"/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1",
		"/debug/pprof/threadcreate?debug=1",
	} {
		s.checkText(t, path, m.fetchOps(path))
	}
	for _, name := range []string{"cmdline", "environ", "status"} {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.c.Process.Pid), name))
		if os.IsPermission(err) || os.IsNotExist(err) {
			continue // the file is protected, or this is not Linux
		}
		s.checkText(t, "/proc/PID/"+name, text)
	}
	if err := p.c.Process.Signal(syscall.SIGQUIT); err != nil { // prints the stacks of all goroutines
		t.Fatal(err)
	}
	<-p.ended
	if !strings.Contains(p.log.String(), "goroutine 1 ") {
		t.Error("the log has no stacks")
	}
	s.checkText(t, "the log and the audit log", []byte(p.log.String()))
	s.checkText(t, "the traces", []byte(spans.text()))
	statements := sqlLog()
	if !bytes.Contains(statements, []byte("grants")) || !bytes.Contains(statements, []byte("parameters: ")) {
		t.Error("PostgreSQL did not log the statements and their parameters")
	}
	delete(s.secret, typedAsName) // a query for a user has the name
	s.checkText(t, "the statements that PostgreSQL logs", statements)
}

// loggingDatabase returns a database whose server logs every statement with its
// parameters, and a function that reads that log.
func loggingDatabase(t *testing.T) (database *url.URL, read func() []byte) {
	t.Helper()
	database, err := url.Parse(pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), database.String())
	if err != nil {
		t.Fatal(err)
	}
	name := pgx.Identifier{strings.TrimPrefix(database.Path, "/")}.Sanitize()
	if _, err := conn.Exec(t.Context(), "ALTER DATABASE "+name+" SET log_statement = 'all'"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return database, func() []byte {
		text, err := os.ReadFile(filepath.Join(database.Query().Get("host"), "log"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

// misuse sends invalid and expired secrets, and secrets in the wrong field. It
// adds them to the scan.
func (s *secretScan) misuse(t *testing.T, m *machine, d *device) {
	t.Helper()
	invalid := map[string]string{
		typedAsName: "canary-typed-as-a-name", "an invalid password": "canary-wrong-password",
		"an invalid client secret": "canary-wrong-secret", "an invalid device token": "sgd_canary-wrong-device",
		"an invalid refresh token": "sgr_" + strings.Repeat("canary", 10),
		"a secret in a path":       "canary-in-a-path", "a secret in a query": "canary-in-a-query",
	}
	for what, secret := range invalid {
		s.secret[what] = []byte(secret)
	}
	rejected := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("the server accepts %s", what)
		}
	}
	ctx, cancel := asClient(t, d.credentials.ClientID, d.credentials.ClientSecret)
	defer cancel()
	invalidCtx, cancelInvalid := asClient(t, d.credentials.ClientID, invalid["an invalid client secret"])
	defer cancelInvalid()
	login := &signetv1.LoginRequest{
		Username: "ada", Password: d.credentials.Password, DeviceToken: invalid["an invalid device token"],
	}
	response, err := d.tokens.Login(ctx, login)
	if err != nil {
		t.Fatal(err)
	}
	access, refresh := response.GetAccessToken(), response.GetRefreshToken()
	s.secret["an access token"], s.secret["a refresh token"] = []byte(access), []byte(refresh)

	_, err = d.tokens.Login(invalidCtx, login)
	rejected("an invalid client secret", err)
	_, err = d.tokens.Login(ctx, &signetv1.LoginRequest{Username: "ada", Password: invalid["an invalid password"]})
	rejected("an invalid password", err)
	_, err = d.tokens.Login(ctx, &signetv1.LoginRequest{Username: invalid[typedAsName], Password: "ada"})
	rejected("a password as a user name", err)
	for what, r := range map[string]*signetv1.RefreshRequest{
		"an invalid refresh token":         {RefreshToken: invalid["an invalid refresh token"]},
		"an access token as refresh token": {RefreshToken: access, Scope: refresh},
		"a secret as an audience":          {RefreshToken: refresh, Audience: []string{d.credentials.ClientSecret}},
	} {
		_, err = d.tokens.Refresh(ctx, r)
		rejected(what, err)
	}
	bearer := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+access)
	_, err = d.tokens.Login(bearer, login)
	rejected("a bearer token in place of a client secret", err)
	for _, token := range []string{access, refresh, invalid["an invalid refresh token"]} {
		if _, err := d.tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: token}); err != nil {
			t.Error(err)
		}
	}
	misuseHTTP(t, m, d, response)
	if _, err := d.tokens.Revoke(ctx, &signetv1.RevokeRequest{Token: refresh}); err != nil {
		t.Error(err)
	}
	_, err = d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: refresh})
	rejected("a revoked refresh token", err)
}

// misuseHTTP sends secrets in wrong places of HTTP requests: path, query, form
// and headers.
func misuseHTTP(t *testing.T, m *machine, d *device, response *signetv1.TokenResponse) {
	t.Helper()
	access, refresh := response.GetAccessToken(), response.GetRefreshToken()
	for _, path := range []string{
		"/canary-in-a-path", "/" + refresh, "/.well-known/jwks.json?x=canary-in-a-query",
		"/oauth2/token?client_secret=canary-in-a-query", "/oauth2/introspect?token=" + access,
		"/oauth2/revoke?token=" + refresh[:len(refresh)-4],
	} {
		for _, secret := range []string{d.credentials.ClientSecret, "canary-wrong-secret"} {
			form := url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {"sgr_" + strings.Repeat("canary", 10)},
				"token": {refresh + "x"}, "client_secret": {secret}, "password": {d.credentials.Password},
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+m.http+path,
				strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("User-Agent", access)
			r.SetBasicAuth(d.credentials.ClientID, secret)
			got, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(got.Body)
			if err != nil || bytes.Contains(body, []byte(d.credentials.ClientSecret)) {
				t.Errorf("%s: %s (%v)", path, body, err)
			}
			got.Body.Close()
		}
	}
}

// runWithoutDatabase runs commands with the URL of an unreachable database and
// returns their output.
func (m *machine) runWithoutDatabase() []byte {
	m.t.Helper()
	const unreachable = "postgres://postgres:canary-of-the-database@127.0.0.1:1/nothing?sslmode=disable"
	var all []byte
	for _, args := range [][]string{{"users", "list"}, {"keys"}, {"migrate"}} {
		c := m.command(args...)
		c.Env = append(c.Env, "SIGNET_STORE_URL_FILE=", "SIGNET_STORE_URL="+unreachable)
		out, err := c.CombinedOutput()
		if err == nil {
			m.t.Errorf("signet %v reaches a database", args)
		}
		all = append(all, out...)
	}
	return all
}

// fetchOps returns the response body of a path at ops.address, with any status.
func (m *machine) fetchOps(path string) []byte {
	m.t.Helper()
	response, err := http.Get("http://" + m.ops + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

// Rule 68: callers cannot forge log records. Whatever they send as names, user
// agents and labels, each record is one line of JSON without control
// characters.
func TestRule68_LogRecordsCannotBeForged(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_LOG_LEVEL=debug", "SIGNET_LOG_FORMAT=json")
	p := m.start("--dev").ready()
	demo, tokenService := m.demo(), tokens(t, m.grpc)
	for n, forged := range []string{
		"eve\r\n{\"event\":\"login.succeeded\",\"actor\":\"forged\"}", "eve\x1b[2J\x1b]0;forged\a",
		"eve\u0085\u2028forged\u202e", "eve\"}\n{\"level\":\"forged\"}\n",
	} {
		ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
		ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", strconv.Quote(forged))
		requests := []*signetv1.LoginRequest{
			{Username: forged},
			{EndUser: &signetv1.EndUser{UserAgent: forged}},
			{EndUser: &signetv1.EndUser{DeviceLabel: forged}},
			{EndUser: &signetv1.EndUser{Ip: forged}},
			{Scope: forged},
			{Audience: []string{forged}},
		}
		for _, r := range requests {
			if r.Username == "" {
				r.Username = demo.Username
			}
			r.Password = demo.Password
			_, err := tokenService.Login(ctx, r)
			if err != nil && strings.Contains(err.Error(), "forged") {
				t.Errorf("the response has text of the request: %v", err)
			}
		}
		cancel()
		statusAt(fmt.Sprintf("http://%s/%s?%d", m.http, url.PathEscape(forged), n))
	}
	if err := p.drain(); err != nil {
		t.Fatal(err)
	}

	records := 0
	for line := range strings.Lines(p.log.String()) {
		if !strings.HasPrefix(line, "{") { // printed by --dev
			if strings.Contains(line, "forged") {
				t.Errorf("a line is not a record: %q", line)
			}
			continue
		}
		records++
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%v: %q", err, line)
		}
		if record["actor"] == "forged" || record["level"] == "forged" {
			t.Errorf("a record is forged: %q", line)
		}
		notPrintable := func(r rune) bool { return !strconv.IsPrint(r) }
		if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), notPrintable); i >= 0 {
			t.Errorf("a record has a control character: %q", line[i:])
		}
	}
	if records < 20 {
		t.Errorf("there are only %d records", records)
	}
}
