package issuertest

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

// Operator is the actor that registers the fixture's clients and users.
var Operator = audit.Actor{Name: "operator:test"}

// InexpensiveParams are parameters that hash in microseconds. A test that does
// not measure hashing uses them.
var InexpensiveParams = password.Params{Memory: 64, Iterations: 1, Parallelism: 1}

// The caps of lifetimes.
const (
	maxAccess  = time.Hour
	maxRefresh = 90 * 24 * time.Hour
)

// A Setup describes the records of a fixture's store. The first fixture of a
// setup makes the store and its keys; the others copy the files, because an RSA
// key is expensive to make. Declare it as a variable of the test package.
type Setup struct {
	// Issuer is the issuer identifier. Empty means https://issuer.example.
	Issuer    string
	Audiences []client.Audience
	Clients   []client.Client
	Users     []User
	// Params hash the passwords. Zero means InexpensiveParams.
	Params password.Params

	mu sync.Mutex
	// made has the store by the year. A test in a synctest bubble starts in
	// 2000, so keys of this year would be in its future.
	made map[int]*prepared
}

// A User is a user of a Setup.
type User struct {
	Name     string
	Password string
	Claims   map[string]any
}

// prepared is a store with its keys, as files.
type prepared struct {
	files   map[string][]byte
	secrets map[string]string
}

// state is a directory with a copy of a prepared store.
type state struct {
	dir     string
	secrets map[string]string
}

func (s *state) file() string { return filepath.Join(s.dir, "signet.db") }

func (s *state) keks(t testing.TB) *seal.KEKs {
	t.Helper()
	keks, err := seal.Load(filepath.Join(s.dir, "kek"))
	must(t, err)
	return keks
}

func (s *Setup) params() password.Params { return cmp.Or(s.Params, InexpensiveParams) }

func (s *Setup) issuer() string { return cmp.Or(s.Issuer, "https://issuer.example") }

// copyOf returns a copy of the setup's store.
func (s *Setup) copyOf(t testing.TB) *state {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	year := time.Now().Year()
	p := s.made[year]
	if p == nil {
		p = s.prepare(t)
		if s.made == nil {
			s.made = map[int]*prepared{}
		}
		s.made[year] = p
	}

	dir := t.TempDir()
	for name, content := range p.files {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return &state{dir: dir, secrets: maps.Clone(p.secrets)}
}

// prepare makes the store, its records and its keys.
func (s *Setup) prepare(t testing.TB) *prepared {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	keks, err := seal.Create(filepath.Join(dir, "kek"))
	must(t, err)
	store, err := sqlite.Open(ctx, filepath.Join(dir, "signet.db"), sqlite.Options{})
	must(t, err)
	defer store.Close()
	must(t, store.Migrate(ctx))
	p := &prepared{files: map[string][]byte{}, secrets: map[string]string{}}
	s.fill(t, newAdmin(s.issuer(), store, newHasher(t, s.params()), time.Now, nil), p)
	_, _, err = components.OpenKeys(ctx, components.Options{
		Issuer: s.issuer(), Store: store, Keys: keys.Options{KEKs: keks, Policy: policy()},
		Log: new(Logs).Logger(),
	})
	must(t, err)
	must(t, store.Close())

	for _, name := range []string{"signet.db", "kek"} {
		p.files[name], err = os.ReadFile(filepath.Join(dir, name))
		must(t, err)
	}
	return p
}

// fill creates the records of the setup.
func (s *Setup) fill(t testing.TB, a *admin.Admin, p *prepared) {
	t.Helper()
	for _, x := range s.Audiences {
		_, err := a.CreateAudience(t.Context(), Operator, x)
		must(t, err)
	}
	for _, c := range s.Clients {
		_, secret, err := a.CreateClient(t.Context(), Operator, c, "")
		must(t, err)
		p.secrets[c.ID] = secret
	}
	for _, u := range s.Users {
		_, err := a.CreateUser(t.Context(), Operator, u.Name, u.Password, u.Claims)
		must(t, err)
	}
}

func newAdmin(
	identifier string, store admin.Store, h *password.Hasher, now func() time.Time,
	record func(context.Context, audit.Event) error,
) *admin.Admin {
	return admin.New(admin.Options{
		Issuer: identifier, Store: store, Passwords: h, Now: now,
		Limits:    admin.Limits{MaxAccess: maxAccess, MaxRefresh: maxRefresh},
		ClockSkew: policy().ClockSkew, Audit: record,
	})
}

func newHasher(t testing.TB, params password.Params) *password.Hasher {
	t.Helper()
	h, err := password.New(password.Options{Params: params, MinParams: params})
	must(t, err)
	t.Cleanup(h.Close)
	return h
}

func policy() keys.Policy {
	return keys.Policy{
		MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: 2 * time.Second,
		ClockSkew: 2 * time.Minute, MaxLifetime: maxAccess, MaxRefreshLifetime: maxRefresh, RSABits: 2048,
	}
}
