package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// hashParams make password hashes inexpensive. At the cost of production they
// would take most of the time of the tests.
var hashParams = password.Params{Memory: 64, Iterations: 1, Parallelism: 1}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// atRealCost sets the hash parameters of production for a test that depends on
// the time of a hash.
func atRealCost(t *testing.T) {
	inexpensive := hashParams
	hashParams = password.MinParams()
	t.Cleanup(func() { hashParams = inexpensive })
}

const (
	username = "ada"
	secret   = "correct horse battery staple"
	leeway   = 10 * time.Second
	// identifier is the issuer's, and so the audience of those who administer it.
	identifier = "https://id.example.org"
)

var operator = audit.Actor{Name: "operator"}

// A house is the whole issuer behind its gRPC door: a real store, real keys, a real socket.
type house struct {
	store     *sqlite.Store
	admin     *admin.Admin
	directory *issuer.Directory
	server    *Server
	address   string
	// secrets are by client: web, other and mesh (which mints for subjects) are confidential, spa is public; ops administers, and
	// so would kiosk, were it not public.
	secrets map[string]string
	ring    *keys.Manager
	// clock is that of the issuer and the store; the keys go by the real one.
	clock *clock
	// audit is called with every event of the issuer, if it is set.
	audit atomic.Pointer[func(audit.Event) error]
	logs  *records

	conn     *grpc.ClientConn
	tokens   signetv1.TokenServiceClient
	grants   signetv1.GrantServiceClient
	keys     signetv1.KeyServiceClient
	operator signetv1.AdminServiceClient
}

// openHouse opens the door to a house of its own. edit may change what the door opens on.
func openHouse(t *testing.T, edit ...func(*Options)) *house {
	t.Helper()
	show := furnished(t)
	h := &house{clock: new(clock), logs: new(records), secrets: show.secrets}
	file := filepath.Join(t.TempDir(), "signet.db")
	must(t, os.WriteFile(file, show.file, 0o600))
	ring := h.open(t, file, show.keks)
	passwords, err := password.New(password.Options{Params: hashParams, MinParams: hashParams})
	must(t, err)
	h.directory, err = issuer.OpenDirectory(t.Context(), h.store, h.clock.now, h.logs.logger())
	must(t, err)
	h.poll(t)
	o := Options{
		Issuer: issuer.New(issuer.Options{
			Identifier: identifier, Store: h.store, Directory: h.directory, Keys: ring, Passwords: passwords,
			Lifetimes: issuer.Lifetimes{
				Access: 10 * time.Minute, MaxAccess: time.Hour, Idle: time.Hour, Absolute: 24 * time.Hour, MaxAbsolute: 24 * time.Hour, Leeway: leeway,
			},
			AddressPerHour: 100, Now: h.clock.now, Log: h.logs.logger(),
			Audit: h.record,
		}),
		Admin: h.admin, Directory: h.directory, Keys: ring, Ready: func() error { return nil }, Log: h.logs.logger(),
	}
	for _, e := range edit {
		e(&o)
	}
	h.serve(t, o)
	return h
}

// open opens the store and the keys in it.
func (h *house) open(t *testing.T, file string, keks *seal.KEKs) *keys.Manager {
	t.Helper()
	store, err := sqlite.Open(t.Context(), file, sqlite.Options{Now: h.clock.now})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	must(t, store.Migrate(t.Context()))
	h.store = store
	h.admin = admin.New(admin.Options{
		Store: store, Passwords: hasher(t), Limits: admin.Limits{MaxAccess: time.Hour, MaxRefresh: 24 * time.Hour}, Now: h.clock.now,
		Audit: h.record,
	})
	ring, err := keys.Open(t.Context(), keys.Options{
		Store: store, KEKs: keks, InUse: func() []string { return []string{keys.RS256, keys.ES256, keys.EdDSA} },
		Policy: keys.Policy{
			MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: time.Minute,
			ClockSkew: time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 24 * time.Hour, RSABits: 2048,
		},
		Audit: func(e keys.Event) error {
			return h.record(audit.Event{Name: e.Name, Actor: audit.Actor(e.By), Key: e.Key, Reason: e.Reason})
		},
	})
	must(t, err)
	h.ring = ring
	return ring
}

// poll keeps the directory in step with the store, as a server does.
func (h *house) poll(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { h.directory.Run(ctx) })
	t.Cleanup(func() { stop(); loop.Wait() })
}

// record is the audit of the house.
func (h *house) record(e audit.Event) error {
	if audit := h.audit.Load(); audit != nil {
		return (*audit)(e)
	}
	return nil
}

// serve opens the door on a real socket, and closes it when the test ends.
func (h *house) serve(t *testing.T, o Options) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h.address, h.server = l.Addr().String(), New(o)
	done := make(chan error)
	go func() { done <- h.server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = h.server.Drain(ctx) // what hangs is the test's to find
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	h.conn, err = grpc.NewClient(h.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { h.conn.Close() })
	h.tokens, h.keys = signetv1.NewTokenServiceClient(h.conn), signetv1.NewKeyServiceClient(h.conn)
	h.grants = signetv1.NewGrantServiceClient(h.conn)
	h.operator = signetv1.NewAdminServiceClient(h.conn)
}

// basic returns the client's authorization metadata.
func (h *house) basic(client string) string { return "Basic " + encoded(client+":"+h.secrets[client]) }

// as returns a context in which the client calls.
func (h *house) as(t *testing.T, client string) context.Context {
	return metadata.NewOutgoingContext(soon(t), metadata.Pairs("authorization", h.basic(client)))
}

// soon returns a context in which nothing waits for long.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// login logs the user in through the client.
func (h *house) login(t *testing.T, client string) *signetv1.TokenResponse {
	t.Helper()
	r, err := h.tokens.Login(h.as(t, client), &signetv1.LoginRequest{Username: username, Password: secret})
	must(t, err)
	return r
}

// A showHouse is a store that has everything, as a file to copy, since RSA keys take their time.
type showHouse struct {
	once    sync.Once
	file    []byte
	keks    *seal.KEKs
	secrets map[string]string
}

var theShowHouse showHouse

func furnished(t *testing.T) *showHouse {
	t.Helper()
	theShowHouse.once.Do(func() { theShowHouse.furnish(t) })
	if theShowHouse.file == nil {
		t.Fatal("there is no house to show")
	}
	return &theShowHouse
}

func (s *showHouse) furnish(t *testing.T) {
	dir := t.TempDir()
	var err error
	s.keks, err = seal.Create(filepath.Join(dir, "kek"))
	must(t, err)
	h := &house{clock: new(clock)}
	h.open(t, filepath.Join(dir, "signet.db"), s.keks)
	for _, a := range []client.Audience{
		{ID: "api", Algorithm: keys.RS256},
		{ID: "api-es", Algorithm: keys.ES256, Lifetime: 5 * time.Minute},
		{ID: "api-ed", Algorithm: keys.EdDSA, Lifetime: time.Minute},
		{ID: "api-roles", Algorithm: keys.RS256, Scope: oauth.NewScope("read"), Claims: []string{"roles", "tenant"}},
		{ID: identifier, Algorithm: keys.ES256, Scope: oauth.NewScope(issuer.AdminScope)},
	} {
		_, err := h.admin.CreateAudience(t.Context(), operator, a)
		must(t, err)
	}
	s.secrets = make(map[string]string)
	for _, c := range []client.Client{{ID: "web"}, {ID: "other"}, {ID: "spa", Public: true}, {ID: "mesh", MintSubjects: true}} {
		c.Audiences, c.Scope = []string{"api", "api-es", "api-ed", "api-roles"}, oauth.NewScope("read", "write")
		_, s.secrets[c.ID], err = h.admin.CreateClient(t.Context(), operator, c)
		must(t, err)
	}
	for _, c := range []client.Client{{ID: "ops"}, {ID: "kiosk", Public: true}} {
		c.Audiences, c.Scope = []string{identifier, "api-es"}, oauth.NewScope(issuer.AdminScope, "read")
		_, s.secrets[c.ID], err = h.admin.CreateClient(t.Context(), operator, c)
		must(t, err)
	}
	_, err = h.admin.CreateUser(t.Context(), operator, username, secret, map[string]any{"roles": []any{"admin", "dev"}, "team": "blue"})
	must(t, err)
	must(t, h.store.Close())
	s.file, err = os.ReadFile(filepath.Join(dir, "signet.db"))
	must(t, err)
}

func hasher(t *testing.T) *password.Hasher {
	t.Helper()
	h, err := password.New(password.Options{Params: hashParams, MinParams: hashParams})
	must(t, err)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reason returns the reason in an error's ErrorInfo.
func reason(err error) string { return detail[*errdetails.ErrorInfo](status.Convert(err)).GetReason() }

// A clock is the real one, moved forward by hand.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// records are log lines in JSON.
type records struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (r *records) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *records) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.Write(b)
}

func (r *records) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.String()
}

func (r *records) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines.Reset()
}

// line returns the last line with that message.
func (r *records) line(t *testing.T, message string) (last map[string]any) {
	t.Helper()
	for line := range bytes.Lines([]byte(r.text())) {
		var fields map[string]any
		must(t, json.Unmarshal(line, &fields))
		if fields["msg"] == message {
			last = fields
		}
	}
	if last == nil {
		t.Fatalf("no log line %q in %s", message, r.text())
	}
	return last
}
