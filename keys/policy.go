package keys

import "time"

// A Policy is what the operator decides about keys. The composition root sets every field from the configuration, calls
// Validate once, and gives the same policy to every server and command.
type Policy struct {
	// MaxAge is for how long verifiers may cache the JWK Set (keys.max_age).
	MaxAge time.Duration
	// PublishAhead is how long a key stands in the JWK Set before it signs (keys.publish_ahead). At least Window.
	PublishAhead time.Duration
	// RotateEvery is how long a key signs before its successor takes over by itself (keys.rotate_every).
	RotateEvery time.Duration
	// PollInterval is how often each server asks the store whether the ring has changed (keys.poll_interval).
	PollInterval time.Duration
	// ClockSkew is how far a server's clock may be from the true time, either way.
	ClockSkew time.Duration
	// MaxLifetime is the longest that any access token or ID token lives (tokens.max_lifetime). After lowering it, tokens
	// of before live on: lower it in two steps when a rotation is near.
	MaxLifetime time.Duration
	// MaxRefreshLifetime is the longest absolute lifetime of any grant. MAC keys are kept for so long.
	MaxRefreshLifetime time.Duration
	// RSABits is the size of new RSA keys: 2048, 3072 or 4096.
	RSABits int
}

// Window is the least time for which a key must have been published before it signs, so that no verifier holds a JWK Set
// from before it: each server's poll, the verifiers' caches, and the clocks of the server that published and of the one
// that signs.
func (p Policy) Window() time.Duration { return p.MaxAge + p.PollInterval + 2*p.ClockSkew }

// MaxRingAge is how old the ring of a server may be that still signs: two and a half polls.
func (p Policy) MaxRingAge() time.Duration { return p.PollInterval*2 + p.PollInterval/2 }

// Lead is the least time between giving a key its date and that date, so that every server that may still sign has learned
// of it.
func (p Policy) Lead() time.Duration { return p.MaxRingAge() }

// Retention is how long a key stays in the JWK Set after it stopped signing: as long as its last token may live, judged by
// any clock, and be verified with a cached JWK Set.
func (p Policy) Retention() time.Duration {
	return p.MaxLifetime + p.MaxAge + 4*p.ClockSkew + p.MaxRingAge()
}

// retention is how long the private half of a key is kept after the key stopped signing.
func (p Policy) retention(algorithm string) time.Duration {
	if algorithm == MAC {
		return p.MaxRefreshLifetime + 4*p.ClockSkew + p.MaxRingAge()
	}
	return p.Retention()
}

// ahead is how long a key is known to all servers, and published if it signs, before its date.
func (p Policy) ahead(algorithm string) time.Duration {
	if algorithm == MAC {
		return 2 * p.PollInterval
	}
	return p.PublishAhead
}
