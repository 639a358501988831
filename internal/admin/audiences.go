package admin

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// CreateAudience registers an API that verifies our tokens. Its algorithm's first key, if there is none yet, is made by the
// running servers at their next poll.
func (a *Admin) CreateAudience(ctx context.Context, by audit.Actor, x client.Audience) (client.Audience, error) {
	if x.Algorithm == "" {
		x.Algorithm = keys.RS256
	}
	x.CreatedAt = a.time()
	if err := a.checkAudience(x); err != nil {
		return x, err
	}
	return x, a.done(by, audit.Event{Name: audit.AudienceCreated, Audience: x.ID}, a.store.CreateAudience(ctx, x))
}

// UpdateAudience changes what edit changes of an audience. If that is the algorithm, the old one goes on signing until the
// new one's key has been published for long enough.
func (a *Admin) UpdateAudience(ctx context.Context, by audit.Actor, id string, edit func(*client.Audience)) error {
	return a.changeAudience(ctx, by, id, audit.SettingsChanged, func(x *client.Audience) error {
		old := *x
		edit(x)
		x.ID, x.CreatedAt, x.DisabledAt, x.PreviousAlgorithm = old.ID, old.CreatedAt, old.DisabledAt, old.PreviousAlgorithm
		if x.Algorithm != old.Algorithm {
			x.PreviousAlgorithm = old.Algorithm
		}
		return a.checkAudience(*x)
	})
}

// DisableAudience refuses tokens for the audience; EnableAudience undoes it.
func (a *Admin) DisableAudience(ctx context.Context, by audit.Actor, id string) error {
	return a.changeAudience(ctx, by, id, audit.Disabled, func(x *client.Audience) error {
		if x.DisabledAt.IsZero() {
			x.DisabledAt = a.time()
		}
		return nil
	})
}

// EnableAudience lets tokens for the audience be made again.
func (a *Admin) EnableAudience(ctx context.Context, by audit.Actor, id string) error {
	return a.changeAudience(ctx, by, id, audit.Enabled, func(x *client.Audience) error {
		x.DisabledAt = time.Time{}
		return nil
	})
}

// DeleteAudience deletes the audience. Grants for it stay; their next access token is for what else they have.
func (a *Admin) DeleteAudience(ctx context.Context, by audit.Actor, id string) error {
	return a.done(by, audit.Event{Name: audit.AudienceDeleted, Audience: id}, a.store.DeleteAudience(ctx, id))
}

func (a *Admin) changeAudience(ctx context.Context, by audit.Actor, id, what string, edit func(*client.Audience) error) error {
	return a.done(by, audit.Event{Name: audit.AudienceUpdated, Audience: id, Reason: what}, a.store.UpdateAudience(ctx, id, edit))
}

func (a *Admin) checkAudience(x client.Audience) error {
	if !oauth.ValidAudienceID(x.ID) {
		return oauth.Fail(oauth.InvalidRequest, "An audience has 1 to 256 printable ASCII characters without space, quote and backslash.")
	}
	switch x.Algorithm {
	case keys.RS256, keys.ES256, keys.EdDSA:
	default:
		return oauth.Fail(oauth.InvalidRequest, "The algorithm must be RS256, ES256 or EdDSA.")
	}
	if x.Lifetime < 0 || x.Lifetime > a.limits.MaxAccess || x.Lifetime != 0 && x.Lifetime < time.Second {
		return oauth.Fail(oauth.InvalidRequest, "The lifetime must be 1s to tokens.max_lifetime.")
	}
	for _, name := range x.Claims {
		if !oauth.ValidClaimName(name) {
			return oauth.Fail(oauth.InvalidRequest, "A claim's name is reserved or malformed.")
		}
	}
	_, err := oauth.ParseScope(x.Scope.String())
	return err
}
