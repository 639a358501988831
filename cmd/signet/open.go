package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/cert"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/internal/telemetry"
	"github.com/signetd/signet/keys"
)

// A store is what both backends are.
type store interface {
	keys.Store
	issuer.Store
	admin.Store
	Migrate(context.Context) error
	MigrationStatus(context.Context) (current, target int64, err error)
	CheckSchema(context.Context) error
	Close() error
}

// A house is all rooms of one process, wired: what a command does not need is nil.
type house struct {
	cfg config.Config
	// runID is the request id of what this process does by itself or for the operator at its shell.
	runID     string
	log       *slog.Logger
	metrics   *telemetry.Metrics
	cert      *cert.Keeper
	traces    *telemetry.Traces // nil unless somebody collects them
	audit     func(audit.Event) error
	store     store
	passwords *password.Hasher
	admin     *admin.Admin
	directory *issuer.Directory
	keys      *keys.Manager
	issuer    *issuer.Issuer
	sweeper   *issuer.Sweeper
}

// newHouse makes what needs no store. Logs go where audit events go: to stderr.
func (p *program) newHouse(cfg config.Config, format, level string) (*house, error) {
	log, err := telemetry.Logger(p.err, format, level)
	if err != nil {
		return nil, err
	}
	m := newMetrics()
	return &house{cfg: cfg, runID: rand.Text(), log: log, metrics: m, audit: counted(m, audit.NewWriter(telemetry.EscapeWriter(p.err)).Write)}, nil
}

// openStore opens an existing store for a command that runs beside the servers.
func (p *program) openStore(ctx context.Context) (*house, error) {
	cfg, err := p.load()
	if err != nil {
		return nil, err
	}
	h, err := p.newHouse(cfg, "text", "warn")
	if err != nil {
		return nil, err
	}
	if err := storeExists(cfg); err != nil {
		return nil, err
	}
	if err := h.connect(ctx); err != nil {
		return nil, err
	}
	err = h.store.CheckSchema(ctx)
	if err == nil {
		err = h.administer()
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// storeExists refuses an SQLite file that is not there: a command would make an empty one, and say that it is empty.
func storeExists(cfg config.Config) error {
	path, ok := cfg.Store.SQLite()
	if !ok {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no store at %s yet: `signet serve` or `signet migrate` makes it", path)
	}
	return nil
}

// connect opens the backend that the configuration names.
func (h *house) connect(ctx context.Context) (err error) {
	if path, ok := h.cfg.Store.SQLite(); ok {
		h.store, err = h.openSQLite(ctx, path)
		return err
	}
	h.store, err = h.openPostgres(ctx)
	return err
}

func (h *house) openSQLite(ctx context.Context, path string) (store, error) {
	s, err := sqlite.Open(ctx, path, h.sqliteOptions())
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (h *house) sqliteOptions() sqlite.Options {
	return sqlite.Options{Alone: !h.cfg.Store.Coalesce, Sent: h.metrics.Batch("write")}
}

func (h *house) openPostgres(ctx context.Context) (store, error) {
	c := h.cfg.Store
	s, err := postgres.Open(ctx, postgres.Options{
		URL: string(c.URL), MaxConns: int32(c.MaxConns), ConnectTimeout: c.ConnectTimeout, StatementTimeout: c.StatementTimeout,
		Alone: !c.Coalesce, SentRefreshes: h.metrics.Batch("refresh"), SentWrites: h.metrics.Batch("write"),
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// administer makes the verbs on users, clients and audiences.
func (h *house) administer() error {
	if err := h.openPasswords(); err != nil {
		return err
	}
	h.admin = admin.New(admin.Options{
		Store: h.store, Passwords: h.passwords, Policy: h.passwordPolicy(), Now: time.Now, Audit: h.audit,
		Limits: admin.Limits{MaxAccess: h.cfg.Tokens.MaxLifetime, MaxRefresh: h.cfg.Refresh.MaxLifetime},
	})
	return nil
}

// openPasswords makes the one Hasher of the process: its budget is for all who hash.
func (h *house) openPasswords() (err error) {
	c := h.cfg.Password
	h.passwords, err = password.New(password.Options{
		Params: password.Params{
			Memory: uint32(c.Memory / config.KiB), Iterations: uint32(c.Iterations), Parallelism: uint8(c.Parallelism),
		},
		MemoryBudget: int64(c.MemoryBudget),
	})
	if err != nil {
		return about("password.memory_budget", err)
	}
	return nil
}

// passwordPolicy is what a new password must be: none that is made of the issuer's own name, among other things.
func (h *house) passwordPolicy() password.Policy {
	return password.Policy{MinLength: h.cfg.Password.MinLength, Service: []string{h.cfg.Issuer}}
}

// openKeys opens the key ring, for a server or for an operator, and the directory, which says what keys are for.
func (h *house) openKeys(ctx context.Context, operator bool) (err error) {
	keks, err := h.readKEKs(ctx)
	if err != nil {
		return err
	}
	if h.directory, err = issuer.OpenDirectory(ctx, h.store, time.Now, h.log); err != nil {
		return err
	}
	_, file := h.cfg.Store.SQLite()
	h.keys, err = keys.Open(ctx, keys.Options{
		Store: h.store, KEKs: keks, Policy: h.policy(), Now: time.Now, StoreClock: !file, NoMaintenance: operator, Log: h.log,
		ReadKEKs: func() (*seal.KEKs, error) { return h.readKEKs(ctx) },
		InUse: func() []string {
			return h.directory.Algorithms(func(algorithm string) bool { return h.keys != nil && h.keys.Ready(algorithm) })
		},
		Audit: func(e keys.Event) error {
			if e.By == (keys.Actor{}) { // due by itself
				e.By = keys.Actor{Name: audit.Server, RequestID: h.runID}
			}
			return h.audit(audit.Event{
				Name: e.Name, Time: e.Time, Actor: audit.Actor(e.By), Key: e.Key, Reason: e.Reason,
			})
		},
		Signed: h.metrics.Signed,
	})
	return err
}

func (h *house) policy() keys.Policy {
	return keys.Policy{
		MaxAge: h.cfg.Keys.MaxAge, PublishAhead: h.cfg.Keys.PublishAhead, RotateEvery: h.cfg.Keys.RotateEvery,
		PollInterval: h.cfg.Keys.PollInterval, ClockSkew: h.cfg.Keys.ClockSkew, RSABits: h.cfg.Keys.RSABits,
		MaxLifetime: h.cfg.Tokens.MaxLifetime, MaxRefreshLifetime: h.cfg.Refresh.MaxLifetime,
	}
}

// ownKEKFile says whether Signet makes the KEK file itself: for SQLite, at the place where nobody named another.
func (h *house) ownKEKFile() bool {
	_, file := h.cfg.Store.SQLite()
	return file && filepath.Clean(h.cfg.KEK.File) == filepath.Join(h.cfg.DataDir, "kek")
}

// readKEKs reads the KEK file. A missing one is made if it is Signet's own and the store does not need the one that is lost.
func (h *house) readKEKs(ctx context.Context) (*seal.KEKs, error) {
	path := h.cfg.KEK.File
	if !h.ownKEKFile() {
		keks, err := seal.Load(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no KEK file %s: make one by `signet keys --new-kek %s` and give it to all servers", path, path)
		}
		return keks, err
	}
	keks, err := seal.LoadOwn(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keks, err
	}
	ring, err := h.store.Ring(ctx)
	if err != nil {
		return nil, err
	}
	if len(ring.KEKs) > 0 {
		return nil, fmt.Errorf("the KEK file %s is missing, and without it nothing that is sealed in the store can be read: bring it back", path)
	}
	return seal.Create(path)
}

// openIssuer makes the verbs on tokens and grants.
func (h *house) openIssuer() {
	h.issuer = issuer.New(issuer.Options{
		Identifier: h.cfg.Issuer, Store: h.store, Directory: h.directory, Keys: h.keys, Passwords: h.passwords, Policy: h.passwordPolicy(),
		Lifetimes: issuer.Lifetimes{
			Access: h.cfg.Tokens.Lifetime, MaxAccess: h.cfg.Tokens.MaxLifetime,
			Idle: h.cfg.Refresh.IdleLifetime, Absolute: h.cfg.Refresh.AbsoluteLifetime, MaxAbsolute: h.cfg.Refresh.MaxLifetime,
			Leeway: h.cfg.Refresh.Leeway,
		},
		AddressPerHour: h.cfg.Throttle.AddressPerHour, Now: time.Now, Log: h.log, Audit: h.audit,
		Watch: h.issuerWatch(),
	})
	if every := h.cfg.Store.SweepEvery; every > 0 {
		h.sweeper = issuer.NewSweeper(issuer.SweeperOptions{Store: h.store, Now: h.keys.Now, Every: every, Log: h.log})
	}
}

func (h *house) close() error {
	if h.passwords != nil {
		h.passwords.Close()
	}
	if h.store == nil {
		return nil
	}
	return h.store.Close()
}
