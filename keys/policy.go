package keys

import "time"

// recordRetention is how long the row of a destroyed key stays in the ring, as
// a record.
const recordRetention = 90 * 24 * time.Hour

// A Policy holds the operator's settings for keys. All servers and commands use
// the same policy.
type Policy struct {
	// MaxAge is how long verifiers may cache the JWK Set (keys.max_age).
	MaxAge time.Duration
	// PublishAhead is how long a key is in the JWK Set before it signs
	// (keys.publish_ahead). It is at least Window.
	PublishAhead time.Duration
	// RotateEvery is how long a key signs before automatic rotation replaces it
	// (keys.rotate_every).
	RotateEvery time.Duration
	// PollInterval is how often each server reads the version of the ring
	// (keys.poll_interval).
	PollInterval time.Duration
	// ClockSkew is the largest difference between a server's clock and the true
	// time, in either direction (keys.clock_skew). The iat and nbf of a token
	// of this issuer may be in the future by this time, but its exp must not
	// have passed.
	ClockSkew time.Duration
	// MaxLifetime is the longest lifetime of an access token or ID token
	// (tokens.max_lifetime). A lower value does not shorten the tokens that are
	// already issued. So each key has its own; see Key.Lifetime.
	MaxLifetime time.Duration
	// MaxRefreshLifetime is the longest absolute lifetime of a grant
	// (refresh.max_lifetime). A lower value does not shorten the grants that
	// exist. So each MAC key has its own; see Key.Lifetime.
	MaxRefreshLifetime time.Duration
	// RSABits is the size of new RSA keys: 2048, 3072 or 4096 (keys.rsa_bits).
	RSABits int
}

// Window is the shortest time for which a key must be published before it
// signs. After it no verifier has a JWK Set without the key. It covers the poll
// of each server, the caches of the verifiers, and the clocks of the server
// that published the key and of the server that signs with it.
func (p Policy) Window() time.Duration { return p.MaxAge + p.PollInterval + 2*p.ClockSkew }

// MaxRingAge is how old a server's ring may be while the server signs: two and
// a half poll intervals.
func (p Policy) MaxRingAge() time.Duration { return p.PollInterval*2 + p.PollInterval/2 }

// Lead is the shortest time between setting an activation date and that date.
// Within it, every server that can still sign has read the date.
func (p Policy) Lead() time.Duration { return p.MaxRingAge() }

// Retention is how long a key of this policy stays in the JWK Set after it
// stopped signing: until, by any server's clock, its last token has expired and
// no verifier needs the key.
func (p Policy) Retention() time.Duration {
	return p.MaxLifetime + p.MaxAge + 4*p.ClockSkew + p.MaxRingAge()
}

// lifetime returns the longest lifetime of what a key signs now: of tokens, or
// of the grants whose refresh tokens a MAC key authenticates.
func (p Policy) lifetime(algorithm string) time.Duration {
	if algorithm == MAC {
		return p.MaxRefreshLifetime
	}
	return p.MaxLifetime
}

// retention returns how long the ring needs a key after it stopped signing, for
// what the key signed itself. schedule.keptUntil also considers the grants that
// were rotated to a MAC key.
func (p Policy) retention(k Key) time.Duration {
	signed := k.Lifetime
	if signed == 0 {
		signed = p.lifetime(k.Algorithm)
	}
	if k.Algorithm == MAC {
		return signed + 4*p.ClockSkew + p.MaxRingAge()
	}
	return signed + p.MaxAge + 4*p.ClockSkew + p.MaxRingAge()
}

// publishAhead is how long before its activation date all servers must know a
// key. A signing key is also published for this time.
func (p Policy) publishAhead(algorithm string) time.Duration {
	if algorithm == MAC {
		return 2 * p.PollInterval
	}
	return p.PublishAhead
}

// rotationDue returns when automatic rotation sets the activation date of the
// active key's successor.
func (p Policy) rotationDue(active Key) time.Time {
	return latest(active.ActivateAt, active.CreatedAt).Add(p.RotateEvery - p.rotationNotice(active.Algorithm))
}

// rotationNotice is how long before an activation date automatic rotation sets
// that date. It is the full publication time, although the spare has usually
// been published for longer: the clock that set CreatedAt may have been wrong.
func (p Policy) rotationNotice(algorithm string) time.Duration {
	return max(p.publishAhead(algorithm), p.Lead())
}
