package config

import (
	"time"

	"github.com/signetd/signet/internal/pgurl"
	"github.com/signetd/signet/keys"
)

// Validate reports all faults of the configuration at once, one per line. A
// line names the key, the problem with its value, and the value that is wanted.
func (c Config) Validate() error { return joinFaults(c.faults()) }

// faults calls the check of each section. Each fault names its key.
func (c Config) faults() []fault {
	k := &checker{origins: c.Origins}
	k.issuer(c.Issuer)
	k.notEmpty("data_dir", c.DataDir, "the path of a directory")
	k.listeners(c)
	k.tls(c.TLS)
	k.proxies(c.TrustedProxies)
	k.oneOf("proxy_header", c.ProxyHeader, "X-Forwarded-For", "Forwarded")
	k.number("max_streams", c.MaxStreams, 10, 10_000)
	k.store(c.Store)
	k.notEmpty("kek.file", c.KEK.File, "the path of a file")
	k.tokens(c.Tokens)
	k.refresh(c.Refresh)
	k.revocations(c.Revocations)
	k.policies(c)
	k.log(c.Log)
	k.shutdown(c.Shutdown)
	return k.faults
}

func (k *checker) store(s Store) {
	path, sqlite := s.SQLite()
	_, postgres := parsePostgres(string(s.URL))
	switch {
	case postgres:
		k.postgres(s)
	case !sqlite || path == "":
		k.fault("store.url", "is not a store URL",
			"sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE, special characters percent-encoded")
	}
	k.number("store.max_conns", s.MaxConns, 1, 1000)
	k.between("store.connect_timeout", s.ConnectTimeout, 100*time.Millisecond, time.Minute)
	k.between("store.statement_timeout", s.StatementTimeout, 100*time.Millisecond, time.Minute)
	if s.SweepEvery != 0 && (s.SweepEvery < time.Minute || s.SweepEvery > 7*day) {
		k.fault("store.sweep_every", is(s.SweepEvery), "1m to "+keys.FormatDuration(7*day)+", or 0s for never")
	}
}

// postgres checks the URL of a database. It finds what would fail at every
// connection, and a connection that other machines could read.
func (k *checker) postgres(s Store) {
	database, err := pgurl.Parse(string(s.URL))
	if err != nil {
		k.fault("store.url", "can never work: "+err.Error(), "parameters that pgx or PostgreSQL has, with valid values")
		return
	}
	host, plain := pgurl.PlainTextHost(database.ConnConfig)
	if plain && !s.Insecure {
		k.fault("store.url", "allows a connection without TLS to "+quote(host)+", another machine",
			"sslmode=verify-full, or store.insecure: true if something else protects the connection")
	}
}

func (k *checker) log(l Log) {
	k.oneOf("log.format", l.Format, "json", "text")
	k.oneOf("log.level", l.Level, "debug", "info", "warn", "error")
}

func (k *checker) shutdown(s Shutdown) {
	k.between("shutdown.timeout", s.Timeout, time.Second, 10*time.Minute)
	if s.Drain < 0 || s.Drain >= s.Timeout {
		k.fault("shutdown.drain", is(s.Drain), "0s to less than shutdown.timeout, "+keys.FormatDuration(s.Timeout))
	}
}
