package config

import (
	"time"

	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/throttle"
	"github.com/signetd/signet/keys"
)

// KeyPolicy returns the policy of the key ring.
func (c Config) KeyPolicy() keys.Policy {
	return keys.Policy{
		MaxAge: c.Keys.MaxAge, PublishAhead: c.Keys.PublishAhead, RotateEvery: c.Keys.RotateEvery,
		PollInterval: c.Keys.PollInterval, ClockSkew: c.Keys.ClockSkew, RSABits: c.Keys.RSABits,
		MaxLifetime: c.Tokens.MaxLifetime, MaxRefreshLifetime: c.Refresh.MaxLifetime,
	}
}

// tokens checks what keys.Policy does not: it owns tokens.max_lifetime.
func (k *checker) tokens(t Tokens) {
	k.seconds("tokens.lifetime", t.Lifetime, time.Second, day)
	k.atMost("tokens.lifetime", t.Lifetime, "tokens.max_lifetime", t.MaxLifetime)
}

// refresh checks what keys.Policy does not: it owns refresh.max_lifetime.
func (k *checker) refresh(r Refresh) {
	k.seconds("refresh.absolute_lifetime", r.AbsoluteLifetime, time.Second, 2*365*day)
	k.atMost("refresh.absolute_lifetime", r.AbsoluteLifetime, "refresh.max_lifetime", r.MaxLifetime)
	k.seconds("refresh.idle_lifetime", r.IdleLifetime, time.Second, 2*365*day)
	k.atMost("refresh.idle_lifetime", r.IdleLifetime, "refresh.absolute_lifetime", r.AbsoluteLifetime)
	k.between("refresh.leeway", r.Leeway, 0, time.Minute)
	k.number("refresh.grants_per_user", r.GrantsPerUser, 0, 10_000)
}

func (k *checker) revocations(r Revocations) {
	k.between("revocations.poll_interval", r.PollInterval, 50*time.Millisecond, 2*time.Second)
	k.number("revocations.max_waiting", r.MaxWaiting, 1, 100_000)
	k.oneOf("revocations.access", r.Access, RevocationsForEverybody, RevocationsForClients)
	if r.SigningAlgorithm != "" {
		k.oneOf("revocations.signing_alg", r.SigningAlgorithm, keys.EdDSA, keys.ES256, keys.RS256)
	}
	k.number("revocations.client_per_hour", r.ClientPerHour, 1, 1_000_000)
}

// policies calls the checks of the packages that own the rules.
func (k *checker) policies(c Config) {
	k.addFaults(c.KeyPolicy().Validate())
	k.addFaults(password.Settings{
		Memory: int64(c.Password.Memory), Iterations: c.Password.Iterations, Parallelism: c.Password.Parallelism,
		MemoryBudget: int64(c.Password.MemoryBudget), MinLength: c.Password.MinLength,
	}.Validate())
	k.addFaults(throttle.ValidatePerHour(c.Throttle.AddressPerHour))
}
