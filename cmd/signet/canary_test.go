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

// typedAsName is a password in the field of the user name, as hurried people fill them.
const typedAsName = "a password typed as a name"

// absent fails the test if one of the secrets stands in a text, in whatever spelling.
func (h *haul) absent(t *testing.T, where string, text []byte) {
	t.Helper()
	if len(text) == 0 {
		t.Errorf("%s is empty: nothing was looked at", where)
	}
	for what, secret := range h.secret {
		if spelling, ok := within(text, secret); ok {
			t.Errorf("%s holds %s (%s)", where, what, spelling)
		}
	}
}

// TestRule66_SecretsStayInside takes every secret through every way of the real program, at level debug, and looks for it in
// all that comes out: the log and the audit log, what commands print, the metrics, the profiles, the traces, the statements
// that Postgres logs, what /proc tells of the process, and the stacks that a crash prints.
func TestRule66_SecretsStayInside(t *testing.T) {
	database, sqlLog := loggedDatabase(t)
	h := &haul{secret: map[string][]byte{"the database's password": []byte("canary-of-the-database")}, public: map[string][]byte{}}
	dir := t.TempDir()
	kek, storeURL := filepath.Join(dir, "kek"), filepath.Join(dir, "store-url")
	withPassword := *database
	query := withPassword.Query()
	query.Del("user")
	withPassword.User, withPassword.RawQuery = url.UserPassword("postgres", "canary-of-the-database"), query.Encode()
	if err := os.WriteFile(storeURL, []byte(withPassword.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	spans, at := collect(t)
	m := newMachine(t, "SIGNET_STORE_URL_FILE="+storeURL, "SIGNET_KEK_FILE="+kek, "SIGNET_LOG_LEVEL=debug", "SIGNET_LOG_FORMAT=json",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://"+at, "OTEL_BSP_SCHEDULE_DELAY=100")
	m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com")
	p := m.start("--dev").ready()
	d := &device{t: t, facts: m.facts(), tokens: tokens(t, m.grpc)}
	h.secret["a password"], h.secret["the password after it"] = []byte("canary horse battery staple"), []byte("canary cow charger paperclip")
	h.secret["the client secret"] = []byte(d.facts.ClientSecret)
	d.facts.Username, d.facts.Password = "ada", "canary horse battery staple"
	printed := m.signet(d.facts.Password+"\n", "users", "create", "ada")
	for id, alg := range map[string]string{"elliptic": "ES256", "edwards": "EdDSA"} {
		printed += m.signet("", "audiences", "create", id, "--alg", alg)
	}
	h.gather(t, d, "the first grant")
	h.misuse(t, m, d)
	printed += m.signet("canary cow charger paperclip\n", "users", "set-password", "ada")
	if !eventually(func() bool { return strings.Count(m.signet("", "keys"), " now ") >= 8 }) {
		t.Fatal("the keys of the new audiences were not made")
	}
	printed += m.signet("", "keys", "--rotate", "--now", "--alg", "all") + m.signet("", "config") + m.signet("", "config", "-o", "json") +
		m.signet("", "users", "list", "-o", "json") + m.signet("", "clients", "list", "-o", "json") + m.signet("", "keys", "-o", "json")
	h.gatherKeys(t, m)

	h.absent(t, "what commands print", []byte(printed))
	h.absent(t, "what commands say on stderr", []byte(m.said.String()))
	h.absent(t, "a command that does not reach the database", m.outOfReach())
	for _, path := range []string{
		"/metrics", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1", "/debug/pprof/heap",
		"/debug/pprof/threadcreate?debug=1", "/debug/pprof/", "/debug/pprof/cmdline", "/readyz?verbose",
	} {
		h.absent(t, path, m.fetchOps(path))
	}
	for _, name := range []string{"cmdline", "environ", "status"} {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.c.Process.Pid), name))
		if os.IsPermission(err) || os.IsNotExist(err) {
			continue // it is nobody's business, or no Linux
		}
		h.absent(t, "/proc/PID/"+name, text)
	}
	if err := p.c.Process.Signal(syscall.SIGQUIT); err != nil { // what a crash prints: the stacks of all goroutines
		t.Fatal(err)
	}
	<-p.ended
	if !strings.Contains(p.log.String(), "goroutine 1 ") {
		t.Error("there are no stacks in the log")
	}
	h.absent(t, "the log and the audit log", []byte(p.log.String()))
	h.absent(t, "the traces", []byte(spans.said()))
	said := sqlLog()
	if !bytes.Contains(said, []byte("grants")) || !bytes.Contains(said, []byte("parameters: ")) {
		t.Error("Postgres did not log the statements and their arguments")
	}
	delete(h.secret, typedAsName) // a name is what the store is asked for
	h.absent(t, "the statements that Postgres logs", said)
}

// loggedDatabase returns a database whose server logs every statement with its arguments, and what reads that log.
func loggedDatabase(t *testing.T) (database *url.URL, read func() []byte) {
	t.Helper()
	database, err := url.Parse(pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), database.String())
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(database.Path, "/")
	if _, err := conn.Exec(t.Context(), "ALTER DATABASE "+pgx.Identifier{name}.Sanitize()+" SET log_statement = 'all'"); err != nil {
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

// misuse presents secrets where they are wrong, too late, or in the wrong place.
func (h *haul) misuse(t *testing.T, m *machine, d *device) {
	t.Helper()
	wrong := map[string]string{
		typedAsName: "canary-typed-as-a-name", "a wrong password": "canary-wrong-password",
		"a wrong client secret": "canary-wrong-secret", "a wrong device token": "sgd_canary-wrong-device",
		"a wrong refresh token": "sgr_" + strings.Repeat("canary", 10), "a secret in a path": "canary-in-a-path", "a secret in a query": "canary-in-a-query",
	}
	for what, secret := range wrong {
		h.secret[what] = []byte(secret)
	}
	refused := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	ctx, cancel := as(t, d.facts.ClientID, d.facts.ClientSecret)
	defer cancel()
	stranger, cancelStranger := as(t, d.facts.ClientID, wrong["a wrong client secret"])
	defer cancelStranger()
	login := &signetv1.LoginRequest{Username: "ada", Password: d.facts.Password, DeviceToken: wrong["a wrong device token"]}
	answer, err := d.tokens.Login(ctx, login)
	if err != nil {
		t.Fatal(err)
	}
	h.secret["an access token"], h.secret["a refresh token"] = []byte(answer.GetAccessToken()), []byte(answer.GetRefreshToken())
	_, err = d.tokens.Login(stranger, login)
	refused("a wrong client secret", err)
	_, err = d.tokens.Login(ctx, &signetv1.LoginRequest{Username: "ada", Password: wrong["a wrong password"]})
	refused("a wrong password", err)
	_, err = d.tokens.Login(ctx, &signetv1.LoginRequest{Username: wrong[typedAsName], Password: "ada"})
	refused("a password as a user name", err)
	_, err = d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: wrong["a wrong refresh token"]})
	refused("a wrong refresh token", err)
	_, err = d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: answer.GetAccessToken(), Scope: answer.GetRefreshToken()})
	refused("an access token as a refresh token", err)
	_, err = d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: answer.GetRefreshToken(), Audience: []string{d.facts.ClientSecret}})
	refused("a secret as an audience", err)
	bearer := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+answer.GetAccessToken())
	_, err = d.tokens.Login(bearer, login)
	refused("a bearer token as a client's", err)
	for _, token := range []string{answer.GetAccessToken(), answer.GetRefreshToken(), wrong["a wrong refresh token"]} {
		if _, err := d.tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: token}); err != nil {
			t.Error(err)
		}
	}
	h.misuseHTTP(t, m, d, answer)
	if _, err := d.tokens.Revoke(ctx, &signetv1.RevokeRequest{Token: answer.GetRefreshToken()}); err != nil {
		t.Error(err)
	}
	_, err = d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: answer.GetRefreshToken()})
	refused("a revoked refresh token", err)
}

// misuseHTTP does so at the HTTP door.
func (h *haul) misuseHTTP(t *testing.T, m *machine, d *device, answer *signetv1.TokenResponse) {
	t.Helper()
	for _, path := range []string{
		"/canary-in-a-path", "/" + answer.GetRefreshToken(), "/.well-known/jwks.json?x=canary-in-a-query", "/oauth2/token?client_secret=canary-in-a-query",
		"/oauth2/introspect?token=" + answer.GetAccessToken(), "/oauth2/revoke?token=" + wrongHalf(answer.GetRefreshToken()),
	} {
		for _, secret := range []string{d.facts.ClientSecret, "canary-wrong-secret"} {
			form := url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {"sgr_" + strings.Repeat("canary", 10)}, "token": {answer.GetRefreshToken() + "x"},
				"client_secret": {secret}, "password": {d.facts.Password},
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+m.http+path, strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("User-Agent", answer.GetAccessToken())
			r.SetBasicAuth(d.facts.ClientID, secret)
			got, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(got.Body)
			if err != nil || bytes.Contains(body, []byte(d.facts.ClientSecret)) {
				t.Errorf("%s: %s (%v)", path, body, err)
			}
			got.Body.Close()
		}
	}
}

// wrongHalf returns a token with its end cut off.
func wrongHalf(token string) string { return token[:len(token)-4] }

// outOfReach returns what a command says that finds no database at its URL.
func (m *machine) outOfReach() []byte {
	m.t.Helper()
	var all []byte
	for _, args := range [][]string{{"users", "list"}, {"keys"}, {"migrate"}} {
		c := m.command(args...)
		c.Env = append(c.Env, "SIGNET_STORE_URL_FILE=", "SIGNET_STORE_URL=postgres://postgres:canary-of-the-database@127.0.0.1:1/nothing?sslmode=disable")
		said, err := c.CombinedOutput()
		if err == nil {
			m.t.Errorf("signet %v finds a database", args)
		}
		all = append(all, said...)
	}
	return all
}

// fetchOps returns what is at a path of the operator's door, whatever its status.
func (m *machine) fetchOps(path string) []byte {
	m.t.Helper()
	answer, err := http.Get("http://" + m.at + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return text
}

// TestRule68_ForgedRecords: whatever callers put into names, agents and labels, the real program writes whole records of JSON,
// a line each, without control characters, and none that they made up.
func TestRule68_ForgedRecords(t *testing.T) {
	m := newDemo(t, "SIGNET_LOG_LEVEL=debug", "SIGNET_LOG_FORMAT=json")
	p := m.start("--dev").ready()
	facts, caller := m.facts(), tokens(t, m.grpc)
	for n, nasty := range []string{
		"eve\r\n{\"event\":\"login.succeeded\",\"actor\":\"forged\"}", "eve\x1b[2J\x1b]0;forged\a", "eve\u0085\u2028forged\u202e", "eve\"}\n{\"level\":\"forged\"}\n",
	} {
		ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
		ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", strconv.Quote(nasty))
		for _, r := range []*signetv1.LoginRequest{
			{Username: nasty, Password: facts.Password},
			{Username: facts.Username, Password: facts.Password, EndUser: &signetv1.EndUser{UserAgent: nasty}},
			{Username: facts.Username, Password: facts.Password, EndUser: &signetv1.EndUser{DeviceLabel: nasty}},
			{Username: facts.Username, Password: facts.Password, EndUser: &signetv1.EndUser{Ip: nasty}},
			{Username: facts.Username, Password: facts.Password, Scope: nasty},
			{Username: facts.Username, Password: facts.Password, Audience: []string{nasty}},
		} {
			_, err := caller.Login(ctx, r)
			if err != nil && strings.Contains(err.Error(), "forged") {
				t.Errorf("the answer repeats what was sent: %v", err)
			}
		}
		cancel()
		statusAt(fmt.Sprintf("http://%s/%s?%d", m.http, url.PathEscape(nasty), n))
	}
	if err := p.drain(); err != nil {
		t.Fatal(err)
	}
	records := 0
	for line := range strings.Lines(p.log.String()) {
		if !strings.HasPrefix(line, "{") { // what --dev says on the standard output
			if strings.Contains(line, "forged") {
				t.Errorf("a line that is no record: %q", line)
			}
			continue
		}
		records++
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("%v: %q", err, line)
		}
		if record["actor"] == "forged" || record["level"] == "forged" {
			t.Errorf("a forged record: %q", line)
		}
		if i := strings.IndexFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !strconv.IsPrint(r) }); i >= 0 {
			t.Errorf("a record holds %q", line[i:])
		}
	}
	if records < 20 {
		t.Errorf("there are %d records only", records)
	}
}
