package app

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/telemetry"
	"github.com/signetd/signet/keys"
)

// An App is one process: a server, or a command of an operator. It holds what
// both need. A field whose comment names a method is nil before that method
// succeeds.
type App struct {
	Config config.Config
	// RunID is the request id of audit events that no request causes: those of
	// the process itself and those of an operator's command.
	RunID string
	Log   *slog.Logger
	// Store is set by OpenToRead, OpenForOperator and OpenForMigration, and by
	// Server.Run.
	Store Store
	// Admin has the operations on users, clients and audiences. It is set by
	// OpenForOperator and Server.Run.
	Admin *admin.Admin
	// Keys is set by OpenKeys and Server.Run.
	Keys *keys.Manager
	// Canary is set by OpenKeys.
	Canary *issuer.CanaryIssuer

	// dev is true for the server of `serve --dev`.
	dev bool
	// revoked is called with the event of a change that may have revoked
	// tokens. It is nil without a server.
	revoked func(audit.Event)
	// now is the store's clock. It is the wall clock before openAdmin.
	now       func() time.Time
	out       *telemetry.LineWriter // of Log and audit
	audit     func(context.Context, audit.Event) error
	metrics   *telemetry.Metrics
	traces    *telemetry.Traces // nil unless the environment names a collector
	passwords *password.Hasher
}

// New returns an App that has opened nothing yet. It writes logs and audit
// events to stderr.
func New(cfg config.Config, stderr io.Writer) (*App, error) {
	out := telemetry.NewLineWriter(stderr, reportDropped(cfg.Log.Format))
	log, err := telemetry.NewLogger(out, cfg.Log.Format, cfg.Log.Level)
	if err != nil {
		return nil, err
	}
	m := newMetrics()
	a := &App{Config: cfg, RunID: rand.Text(), Log: log, now: time.Now, out: out, metrics: m}
	a.audit = a.observeEvents(audit.NewWriter(out.WriteEvent).Write)
	return a, nil
}

// NewJSONLog returns a log that writes JSON lines to w at once, for a server
// that has no App.
func NewJSONLog(w io.Writer) *slog.Logger {
	log, err := telemetry.NewLogger(w, "json", "info")
	if err != nil {
		panic(err) // impossible: both arguments are valid
	}
	return log
}

// newForCommand returns New with the log of a command: text, and warnings only.
func newForCommand(cfg config.Config, stderr io.Writer) (*App, error) {
	cfg.Log.Format, cfg.Log.Level = "text", "warn"
	return New(cfg, stderr)
}

// OpenForOperator opens an existing store for a command, beside running
// servers. It is an error if the schema has another version than this program.
func OpenForOperator(ctx context.Context, cfg config.Config, stderr io.Writer) (*App, error) {
	a, err := OpenToRead(ctx, cfg, stderr)
	if err != nil {
		return nil, err
	}
	if err := a.openAdmin(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// OpenToRead opens an existing store for a command that only reads it, as
// OpenForOperator does. It does not set Admin.
func OpenToRead(ctx context.Context, cfg config.Config, stderr io.Writer) (*App, error) {
	a, err := newForCommand(cfg, stderr)
	if err != nil {
		return nil, err
	}
	err = checkStoreExists(cfg.Store)
	if err == nil {
		err = a.connect(ctx)
	}
	if err == nil {
		err = a.Store.CheckSchema(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// OpenForMigration opens a store whose schema may have any version. It creates
// a missing SQLite file, or returns an error if the store must exist.
func OpenForMigration(ctx context.Context, cfg config.Config, stderr io.Writer, mustExist bool) (*App, error) {
	a, err := newForCommand(cfg, stderr)
	if err != nil {
		return nil, err
	}
	if _, file := cfg.Store.SQLite(); file {
		if mustExist {
			err = checkStoreExists(cfg.Store)
		} else {
			err = MakePrivateDir(cfg.DataDir)
		}
	}
	if err == nil {
		err = a.connect(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// connect opens the store.
func (a *App) connect(ctx context.Context) (err error) {
	a.Store, err = connect(ctx, a.Config, a.metrics)
	return err
}

// openAdmin opens the password hasher and the operations on users, clients and
// audiences. The process has one hasher, because its memory budget holds for
// the whole process.
//
// It reads the store's clock once. The monotonic clock then continues it. That
// is sufficient for a command and for the start of a server.
func (a *App) openAdmin(ctx context.Context) (err error) {
	var clock client.Clock
	if _, err := clock.Read(ctx, a.Store.DirectoryVersion); err != nil {
		return err
	}
	a.now = clock.Now
	if a.passwords, err = newHasher(a.Config.Password); err != nil {
		return err
	}
	a.Admin = admin.New(admin.Options{
		Issuer: a.Config.Issuer,
		Store:  a.Store, Passwords: a.passwords, Policy: passwordPolicy(a.Config), Audit: a.audit,
		Now: a.Now, ClockSkew: a.Config.Keys.ClockSkew,
		Limits: admin.Limits{MaxAccess: a.Config.Tokens.MaxLifetime, MaxRefresh: a.Config.Refresh.MaxLifetime},
	})
	return nil
}

// OpenKeys opens the key ring for an operator.
func (a *App) OpenKeys(ctx context.Context) error {
	o, err := a.componentOptions(ctx)
	if err != nil {
		return err
	}
	o.Keys.NoMaintenance = true
	registry, ring, err := components.OpenKeys(ctx, o)
	if err == nil {
		a.Keys, a.Canary = ring, components.NewCanary(o, registry, ring)
	}
	return err
}

// Now returns the time by the store's clock, or by the wall clock if no store
// is open yet.
func (a *App) Now() time.Time { return a.now() }

// Operator returns the actor of audit events that a command causes: the
// operating system's user, with RunID as the request id.
func (a *App) Operator() audit.Actor {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return audit.Actor{Name: "operator:" + name, RequestID: a.RunID}
}

// Close closes the store and the password hasher, and writes the rest of the
// log.
func (a *App) Close() error {
	defer a.flush()
	if a.passwords != nil {
		a.passwords.Close()
	}
	if a.Store == nil {
		return nil
	}
	return a.Store.Close()
}

// flush writes the rest of the log, if stderr takes it within a second.
func (a *App) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = a.out.Close(ctx) // there is nowhere to report the error
}
