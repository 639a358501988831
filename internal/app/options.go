package app

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// componentOptions returns the options of the components, from the
// configuration. It reads the KEK file.
func (a *App) componentOptions(ctx context.Context) (components.Options, error) {
	read := func() (*seal.KEKs, error) { return a.readKEKs(ctx) }
	keks, err := read()
	if err != nil {
		return components.Options{}, err
	}

	c := a.Config
	_, file := c.Store.SQLite()
	return components.Options{
		Issuer: c.Issuer, Server: serverName(c.HTTP.Address),
		Store: a.Store, Passwords: a.passwords, PasswordPolicy: passwordPolicy(c),
		AccessLifetimes: client.Lifetimes{Default: c.Tokens.Lifetime, Max: c.Tokens.MaxLifetime},
		GrantLifetimes: grant.Lifetimes{
			Idle: c.Refresh.IdleLifetime, Absolute: c.Refresh.AbsoluteLifetime, Max: c.Refresh.MaxLifetime,
			Leeway: c.Refresh.Leeway,
		},
		Limits: components.Limits{
			GrantsPerUser: c.Refresh.GrantsPerUser, AddressPerHour: c.Throttle.AddressPerHour,
		},
		Revocations: components.Revocations{
			PollInterval: c.Revocations.PollInterval, MaxWaiting: c.Revocations.MaxWaiting,
			ExemptAddress:    proxies(c).Has,
			SigningAlgorithm: c.Revocations.SigningAlgorithm, ClientPerHour: c.Revocations.ClientPerHour,
		},
		UseClock: a.fileClock(), Log: a.Log, Audit: a.audit, Observer: a.observer(),
		Keys: keys.Options{
			KEKs: keks, Policy: c.KeyPolicy(), StoreClock: !file, ReadKEKs: read,
			Audit: a.auditKeys, Signed: a.metrics.Signed,
		},
	}, nil
}

// serverName returns the name of this server for operators: that of the host,
// and the port of an address.
func serverName(address string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	if _, port, err := net.SplitHostPort(address); err == nil {
		return net.JoinHostPort(host, port)
	}
	return host
}

// auditKeys writes an event of the key ring, with the store's time as all other
// events have it. An event without an actor is a scheduled step of this
// process.
func (a *App) auditKeys(ctx context.Context, e audit.Event) error {
	e.Time = a.Now()
	if e.Actor == (audit.Actor{}) {
		e.Actor = audit.Actor{Name: audit.Server, RequestID: a.RunID}
	}
	return a.audit(ctx, e)
}

// passwordPolicy returns the policy for new passwords. It rejects passwords
// that are made of the issuer identifier.
func passwordPolicy(c config.Config) password.Policy {
	return password.Policy{MinLength: c.Password.MinLength, ServiceNames: []string{c.Issuer}}
}

// newHasher returns a hasher with the parameters of the configuration.
func newHasher(c config.Password) (*password.Hasher, error) {
	h, err := password.New(password.Options{
		Params: password.Params{
			Memory: uint32(c.Memory / config.KiB), Iterations: uint32(c.Iterations), Parallelism: uint8(c.Parallelism),
		},
		MemoryBudget: int64(c.MemoryBudget),
	})
	if err != nil {
		return nil, fmt.Errorf("password.memory_budget: %w", err)
	}
	return h, nil
}
