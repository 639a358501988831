package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/cert"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/postgres"
)

// retryInterval is the pause between two attempts to reach the database.
const retryInterval = 2 * time.Second

// openFiles opens what the server needs of the local disk: the TLS certificate
// and the SQLite file. It creates data_dir where Signet writes files.
//
// It runs before everything else, so that a second server on one SQLite file
// stops before it changes anything.
func (s *Server) openFiles(ctx context.Context) error {
	if err := s.openCert(); err != nil {
		return err
	}
	c := s.app.Config
	path, file := c.Store.SQLite()
	if file || s.dev != nil {
		if err := MakePrivateDir(c.DataDir); err != nil {
			return err
		}
	}
	if file {
		if err := s.lockSQLite(ctx, path); err != nil {
			return err
		}
	}

	if s.dev != nil {
		if err := s.dev.writeConfig(); err != nil {
			return err
		}
	}
	s.app.Log.Info("starting",
		"request_id", s.app.RunID, "version", ReadBuild().Version, "issuer", c.Issuer, "store", c.Store.URL.String())
	return nil
}

// openCert reads the certificate of the listeners and the CAs of clients. An
// unusable file is an error: the server never falls back to plain text.
func (s *Server) openCert() (err error) {
	c := s.app.Config.TLS
	if !c.Enabled() {
		return nil
	}
	version := uint16(tls.VersionTLS13)
	if c.MinVersion == "1.2" {
		version = tls.VersionTLS12
	}
	s.cert, err = cert.Open(cert.Options{
		CertFile: c.CertFile, KeyFile: c.KeyFile, ClientCAFile: c.ClientCAFile, MinVersion: version,
		Now: s.app.Now, Log: s.app.Log,
	})
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	return nil
}

// lockSQLite opens the SQLite file and locks it against other servers.
func (s *Server) lockSQLite(ctx context.Context, path string) error {
	file, err := openSQLite(ctx, path, s.app.Config, s.app.metrics)
	if err != nil {
		return err
	}
	s.app.Store = file
	return file.LockServe()
}

// openComponents opens all that the listeners need. It waits for the database.
func (s *Server) openComponents(ctx context.Context) error {
	a := s.app
	if a.Store == nil {
		if err := s.connectWithRetry(ctx); err != nil {
			return err
		}
	}
	if err := a.Store.Migrate(ctx); err != nil {
		return err
	}
	if err := a.openAdmin(ctx); err != nil {
		return err
	}
	a.passwords.UseWorkers(newHashWorker, a.Log)
	if s.dev != nil {
		if err := s.dev.makeDemo(ctx); err != nil {
			return err
		}
	}

	o, err := a.componentOptions(ctx)
	if err != nil {
		return err
	}
	o.Keys.MaxWaiting = s.limits.requests / 2
	o.Revocations.MaxWaiting = s.limits.maxPolls(o.Revocations.MaxWaiting)
	if s.components, err = components.Open(ctx, o); err != nil {
		return err
	}
	a.Keys, a.now, a.revoked = s.components.Keys, s.components.Registry.Now, s.components.Revoked
	if every := a.Config.Store.SweepEvery; every > 0 {
		s.sweeper = grant.NewSweeper(grant.SweeperOptions{Store: a.Store, Now: a.Keys.Now, Interval: every, Log: a.Log})
	}
	s.writes = &writeCheck{write: a.Store.CheckWritable, log: a.Log}
	return nil
}

// connectWithRetry opens the database. It tries again until the database
// answers or ctx is done, unless the database refuses the URL itself.
func (s *Server) connectWithRetry(ctx context.Context) error {
	for {
		err := s.app.connect(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, postgres.ErrRefusedURL) {
			return err
		}
		s.app.Log.Warn("cannot reach the database; trying again", "after", retryInterval.String(), "error", err)
		select {
		case <-time.After(retryInterval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
