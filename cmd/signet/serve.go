package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/cert"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/internal/web"
)

func (p *program) serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the issuer",
		Long: "Run the issuer until SIGINT or SIGTERM, which drain it: readiness says no, requests under way are answered, the doors close.\n" +
			"A second signal ends it at once.\n\n" +
			"Nothing is made up: what the configuration lacks is named, all of it at once. With --dev it is filled in, for a try on\n" +
			"this machine, and an empty store gets a client, an audience and a user to try with.",
		Args: cobra.NoArgs,
	}
	dev := c.Flags().Bool("dev", false, "fill in what is missing; not safe for production")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := p.loadServe(*dev)
		if err != nil {
			return err
		}
		h, err := p.newHouse(cfg, cfg.Log.Format, cfg.Log.Level)
		if err != nil {
			return err
		}
		limitMemory()
		s := &server{house: h, program: p, dev: *dev}
		err = s.run(c.Context())
		if c.Context().Err() != nil && errors.Is(err, context.Canceled) {
			return nil // it was told to stop before it had begun
		}
		return err
	}
	return c
}

// garbage is how much of it there may be before it is collected, in percent of what is in use. That is little here, four MiB, and
// with Go's default of 100 the collector would run thirty times a second.
const garbage = 800

// limitMemory keeps garbage from growing into the memory limit of the control group: the collector starts before it does. The
// other half is for passwords that are hashed, and for what is not Go's, such as SQLite's cache.
func limitMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(password.MachineMemory() / 2)
	}
}

// loadServe returns the configuration of a server.
func (p *program) loadServe(dev bool) (config.Config, error) {
	s, err := p.sources()
	if err != nil {
		return config.Config{}, err
	}
	if dev {
		return fillDev(s)
	}
	return loadFrom(s)
}

// A server is `signet serve`: a house with its doors.
type server struct {
	*house
	program *program
	dev     bool
	// open is set while the doors are: neither before everything behind them is in place, nor once a drain has begun.
	open atomic.Bool

	parts sync.WaitGroup
	fail  context.CancelCauseFunc
}

// run brings everything up, waits until ctx ends or a part fails, and drains.
func (s *server) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.close()) }()
	ending, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.fail = fail
	stopTraces, err := s.openTraces(ctx)
	if err != nil {
		return err
	}
	defer stopTraces()
	if err := s.begin(ctx); err != nil {
		return err
	}
	stopOps, err := s.openOps()
	if err != nil {
		return err
	}
	defer stopOps()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	d, err := s.openDoors()
	if err != nil {
		return err
	}
	fed, stopFeeding := context.WithCancel(context.WithoutCancel(ctx)) // until the last request is answered
	defer stopFeeding()
	s.start("the directory", func() error { s.directory.Run(fed); return nil })
	s.start("the key ring", func() error { s.keys.Run(fed); return nil })
	if s.sweeper != nil {
		s.start("the sweeper", func() error { s.sweeper.Run(fed); return nil })
	}
	if s.cert != nil {
		s.start("the certificate", func() error { s.cert.Run(fed); return nil })
	}
	s.announce(d)
	s.open.Store(true)
	s.notify(notifyReady)

	<-ending.Done()
	s.notify(notifyStopping)
	err = s.drain(d)
	stopFeeding()
	stopOps()
	s.parts.Wait()
	if cause := context.Cause(ending); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// start runs a part beside the others. Its error ends them all.
func (s *server) start(name string, part func() error) {
	s.parts.Go(func() {
		if err := part(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.fail(about(name, err))
		}
	})
}

var errNotOpen = errors.New("the server is starting or stopping")

// checks are what must be in order for this server to be ready. While it is not open, that is all there is to say: the keys
// may not even be there yet.
func (s *server) checks() web.Checks {
	whileOpen := func(check func() error) func() error {
		return func() error {
			if !s.open.Load() {
				return nil
			}
			return check()
		}
	}
	return web.Checks{
		{Name: "open", Err: func() error {
			if !s.open.Load() {
				return errNotOpen
			}
			return nil
		}},
		{Name: "keys", Err: whileOpen(func() error { return s.keys.Health() })},
		{Name: "directory", Err: whileOpen(func() error { return s.directory.Health() })},
	}
}

// openCert reads what the doors shall speak TLS by. What cannot be used ends the start: nothing falls back to plain text.
func (s *server) openCert() (err error) {
	c := s.cfg.TLS
	if !c.On() {
		return nil
	}
	version := uint16(tls.VersionTLS13)
	if c.MinVersion == "1.2" {
		version = tls.VersionTLS12
	}
	s.cert, err = cert.Open(cert.Options{
		CertFile: c.CertFile, KeyFile: c.KeyFile, ClientCAFile: c.ClientCAFile, MinVersion: version, Now: time.Now, Log: s.log,
	})
	return about("tls", err)
}

// begin makes the folder of Signet's files where there will be any and, if the store is one of them, opens it: a second
// server on one file is refused before anything else is touched.
func (s *server) begin(ctx context.Context) error {
	if err := s.openCert(); err != nil {
		return err
	}
	path, file := s.cfg.Store.SQLite()
	if file || s.dev {
		if err := makePrivateDir(s.cfg.DataDir); err != nil {
			return err
		}
	}
	if file {
		if err := s.openFile(ctx, path); err != nil {
			return err
		}
	}
	if s.dev {
		if err := s.introduceDev(); err != nil {
			return err
		}
	}
	s.log.Info("starting", "request_id", s.runID, "version", buildVersion().Version, "issuer", s.cfg.Issuer, "store", s.cfg.Store.URL.String())
	return nil
}

func (s *server) openFile(ctx context.Context, path string) error {
	file, err := sqlite.Open(ctx, path, s.sqliteOptions())
	if err != nil {
		return err
	}
	s.store = file
	return file.LockServe()
}

// prepare brings up everything behind the doors.
func (s *server) prepare(ctx context.Context) error {
	if s.store == nil {
		if err := s.awaitDatabase(ctx); err != nil {
			return err
		}
	}
	if err := s.store.Migrate(ctx); err != nil {
		return err
	}
	if err := s.administer(); err != nil {
		return err
	}
	s.passwords.Apart(startHashing, s.log)
	if s.dev {
		if err := s.makeDemo(ctx); err != nil {
			return err
		}
	}
	if err := s.openKeys(ctx, false); err != nil {
		return err
	}
	s.openIssuer()
	s.watch()
	return nil
}

// retryDatabase is how long to wait before asking again for a database that does not answer.
const retryDatabase = 2 * time.Second

// awaitDatabase opens the database, however long it takes to appear.
func (s *server) awaitDatabase(ctx context.Context) error {
	for {
		err := s.connect(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.log.Warn("the database does not answer; asking again", "after", retryDatabase.String(), "error", err)
		select {
		case <-time.After(retryDatabase):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
