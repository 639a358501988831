package issuer

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

const (
	// canaryClient is the client_id and the sub of canary tokens. No client and
	// no user can have this id.
	canaryClient = "operator:canary"
	// canaryScope is the only scope value of canary tokens.
	canaryScope = "canary"
	// canaryLifetime is the lifetime of canary tokens.
	canaryLifetime = time.Minute
)

// A CanaryIssuer issues canary tokens: access tokens under the key that signs
// after the next rotation. Operators send them to verifiers to see whether the
// verifiers have the key. Every field is required.
type CanaryIssuer struct {
	// Identifier is the issuer identifier (RFC 8414 §2).
	Identifier string
	Keys       *keys.Manager
	// Directory reads the registered audiences from the store.
	Directory func(context.Context) (client.Directory, error)
	// Now is the store's clock.
	Now func() time.Time
	// Audit writes an event before Issue returns. If it fails, Issue fails.
	Audit func(context.Context, audit.Event) error
}

// A Canary is a canary token.
type Canary struct {
	Token     string
	Key       string
	Algorithm string
	ExpiresAt time.Time
}

// Issue issues a canary token for an audience. It returns invalid_target if the
// audience does not exist or is disabled, and the errors of
// keys.Manager.NextSigner.
func (c *CanaryIssuer) Issue(ctx context.Context, by audit.Actor, audience string) (Canary, error) {
	d, err := c.Directory(ctx)
	if err != nil {
		return Canary{}, oauth.FromStore(err)
	}
	a, ok := d.Audience(audience)
	if !ok || !a.DisabledAt.IsZero() {
		return Canary{}, oauth.Fail(oauth.InvalidTarget, "The audience does not exist or is disabled.")
	}
	key, err := c.Keys.NextSigner(a.Algorithm)
	if err != nil {
		return Canary{}, err
	}

	now := c.Now()
	issued := now.Truncate(time.Second)
	access := token.Access{
		Issuer: c.Identifier, Subject: canaryClient, ClientID: canaryClient, Audience: []string{a.ID},
		Scope: oauth.Scope{canaryScope}, ID: revocation.NewTokenID(now),
		IssuedAt: issued, ExpiresAt: issued.Add(canaryLifetime),
	}
	signed, err := token.SignAccess(key, access)
	if err != nil {
		return Canary{}, signError(err)
	}
	event := audit.Event{
		Name: audit.CanaryIssued, Time: now, Actor: by, Key: key.KeyID, Audience: a.ID, Reason: "for " + a.ID,
	}
	if err := c.Audit(ctx, event); err != nil {
		return Canary{}, oauth.Unavailable(err)
	}
	return Canary{Token: signed, Key: key.KeyID, Algorithm: key.Algorithm, ExpiresAt: access.ExpiresAt}, nil
}
