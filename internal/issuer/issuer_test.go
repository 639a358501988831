package issuer_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

const (
	api       = "https://api.example"
	username  = "ada"
	rightWord = "correct horse battery staple"
)

// A house is a whole issuer on a real SQLite file, with one audience, one client and one user.
type house struct {
	*issuer.Issuer
	admin     *admin.Admin
	directory *issuer.Directory
	keys      *keys.Manager
	store     *sqlite.Store
	passwords *password.Hasher
	// ahead is how far the machine's clock is wrong, as a time.Duration.
	ahead  atomic.Int64
	caller issuer.Caller

	mu     sync.Mutex
	events []audit.Event
	// auditError is what writing an event returns.
	auditError error
}

var operator = audit.Actor{Name: "operator:test"}

// hashParams make password hashes inexpensive. Most tests compute many hashes
// and depend only on their number.
var hashParams = password.Params{Memory: 64, Iterations: 1, Parallelism: 1}

// atRealCost sets the hash parameters of production for a test that depends on
// the time of a hash.
func atRealCost(t testing.TB) {
	inexpensive := hashParams
	hashParams = password.MinParams()
	t.Cleanup(func() { hashParams = inexpensive })
}

// newHouse opens a house. edit may change what its issuer is made of.
func newHouse(t testing.TB, edit ...func(*issuer.Options)) *house {
	t.Helper()
	ctx, h := t.Context(), &house{}
	h.open(t, shell(t))
	var err error
	h.passwords, err = password.New(password.Options{Params: hashParams, MinParams: hashParams})
	must(t, err)
	h.admin = admin.New(admin.Options{
		Store: h.store, Passwords: h.passwords, Now: h.clock,
		Limits: admin.Limits{MaxAccess: time.Hour, MaxRefresh: 90 * 24 * time.Hour},
	})
	o := issuer.Options{
		Identifier: "https://issuer.example", Store: h.store, Directory: h.directory, Keys: h.keys, Passwords: h.passwords,
		Lifetimes: issuer.Lifetimes{
			Access: 10 * time.Minute, MaxAccess: time.Hour, Idle: time.Hour, Absolute: 30 * 24 * time.Hour,
			MaxAbsolute: 90 * 24 * time.Hour, Leeway: 10 * time.Second,
		},
		AddressPerHour: 100, Now: h.clock, Log: slog.New(slog.DiscardHandler), Audit: h.record,
	}
	for _, e := range edit {
		e(&o)
	}
	h.Issuer = issuer.New(o)
	_, err = h.admin.CreateAudience(ctx, operator, client.Audience{ID: api})
	must(t, err)
	_, err = h.admin.CreateUser(ctx, operator, username, rightWord, nil)
	must(t, err)
	h.caller = h.client(t, client.Client{ID: "gateway", Audiences: []string{api}, Scope: oauth.NewScope("read", "write")})
	return h
}

func (h *house) clock() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

// shells are houses that have their keys and nothing else, as files to copy, since RSA keys take their time: by the year that
// it is, because in a bubble each test begins at the same moment of 2000.
var shells = map[int]map[string][]byte{}

func shell(t testing.TB) (files map[string][]byte) {
	t.Helper()
	year := time.Now().Year()
	if shells[year] == nil {
		h := &house{}
		dir := h.open(t, nil)
		must(t, h.store.Close())
		files := map[string][]byte{}
		for _, name := range []string{"signet.db", "kek"} {
			var err error
			files[name], err = os.ReadFile(filepath.Join(dir, name))
			must(t, err)
		}
		shells[year] = files
	}
	return shells[year]
}

// open opens the store and the keys of a house in a folder of its own, which has those files. Without any it makes them.
func (h *house) open(t testing.TB, files map[string][]byte) (dir string) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	for name, content := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	kek := filepath.Join(dir, "kek")
	if files == nil {
		_, err := seal.Create(kek)
		must(t, err)
	}
	keks, err := seal.Load(kek)
	must(t, err)
	h.store, err = sqlite.Open(ctx, filepath.Join(dir, "signet.db"), sqlite.Options{Now: h.clock})
	must(t, err)
	t.Cleanup(func() { h.store.Close() })
	must(t, h.store.Migrate(ctx))
	h.directory, err = issuer.OpenDirectory(ctx, h.store, h.clock, slog.New(slog.DiscardHandler))
	must(t, err)
	h.keys, err = keys.Open(ctx, keys.Options{
		Store: h.store, KEKs: keks, Policy: policy(), Now: h.clock, Log: slog.New(slog.DiscardHandler),
		InUse: func() []string {
			return h.directory.Algorithms(func(a string) bool { return h.keys != nil && h.keys.Ready(a) })
		},
	})
	must(t, err)
	return dir
}

func policy() keys.Policy {
	return keys.Policy{
		MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: 2 * time.Second,
		ClockSkew: 2 * time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 90 * 24 * time.Hour, RSABits: 2048,
	}
}

func (h *house) record(e audit.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	return h.auditError
}

// count returns how many events of that name were written.
func (h *house) count(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, e := range h.events {
		if e.Name == name {
			n++
		}
	}
	return n
}

// client registers a client and returns it as a caller.
func (h *house) client(t testing.TB, c client.Client) issuer.Caller {
	t.Helper()
	c, secret, err := h.admin.CreateClient(t.Context(), operator, c)
	must(t, err)
	must(t, h.directory.Poll(t.Context()))
	c, err = h.directory.Authenticate(t.Context(), c.ID, secret)
	must(t, err)
	return issuer.Caller{Client: c, RequestID: "r1"}
}

func (h *house) login(t *testing.T) *issuer.TokenResponse {
	t.Helper()
	answer, err := h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: username, Password: rightWord})
	must(t, err)
	return answer
}

// refresh presents a token, with a key or none.
func (h *house) refresh(ctx context.Context, refreshToken, key string) (*issuer.TokenResponse, error) {
	return h.Refresh(ctx, h.caller, issuer.RefreshRequest{RefreshToken: refreshToken, IdempotencyKey: key})
}

func (h *house) mustRefresh(t *testing.T, refreshToken, key string) *issuer.TokenResponse {
	t.Helper()
	answer, err := h.refresh(t.Context(), refreshToken, key)
	must(t, err)
	return answer
}

// keepPolling runs the loops that serve runs, until the test ends.
func (h *house) keepPolling(t testing.TB) {
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { h.directory.Run(ctx) })
	done.Go(func() { h.keys.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code oauth.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}
