package admin

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// Audiences creates, changes and deletes audiences.
type Audiences struct {
	store AudienceStore
	// maxAccess caps the lifetime of access tokens.
	maxAccess time.Duration
	events    recorder
}

// CreateAudience registers an audience. If its algorithm has no key yet, the
// running servers make the first one at their next poll.
func (a *Audiences) CreateAudience(ctx context.Context, by audit.Actor, x client.Audience) (client.Audience, error) {
	if x.Algorithm == "" {
		x.Algorithm = keys.RS256
	}
	x.CreatedAt = a.events.now()
	if err := a.check(x); err != nil {
		return x, err
	}
	e := audit.Event{Name: audit.AudienceCreated, Audience: x.ID}
	return x, a.events.recordIfDone(ctx, by, e, a.store.CreateAudience(ctx, x))
}

// UpdateAudience changes an audience as edit does. The id and the dates stay.
// If edit changes the algorithm, the previous one signs until a key of the new
// one has been published for long enough.
func (a *Audiences) UpdateAudience(ctx context.Context, by audit.Actor, id string, edit func(*client.Audience)) error {
	return a.update(ctx, by, id, audit.SettingsChanged, func(x *client.Audience) error {
		old := *x
		edit(x)
		x.ID, x.CreatedAt, x.DisabledAt = old.ID, old.CreatedAt, old.DisabledAt
		x.PreviousAlgorithm = old.PreviousAlgorithm
		if x.Algorithm != old.Algorithm {
			x.PreviousAlgorithm = old.Algorithm
		}
		return a.check(*x)
	})
}

// DisableAudience refuses new tokens for the audience.
func (a *Audiences) DisableAudience(ctx context.Context, by audit.Actor, id string) error {
	return a.update(ctx, by, id, audit.Disabled, func(x *client.Audience) error {
		if x.DisabledAt.IsZero() {
			x.DisabledAt = a.events.now()
		}
		return nil
	})
}

// EnableAudience undoes DisableAudience.
func (a *Audiences) EnableAudience(ctx context.Context, by audit.Actor, id string) error {
	return a.update(ctx, by, id, audit.Enabled, func(x *client.Audience) error {
		x.DisabledAt = time.Time{}
		return nil
	})
}

// DeleteAudience deletes the audience. Its grants stay. Their next access
// tokens are for the other audiences of the grant.
func (a *Audiences) DeleteAudience(ctx context.Context, by audit.Actor, id string) error {
	e := audit.Event{Name: audit.AudienceDeleted, Audience: id}
	return a.events.recordIfDone(ctx, by, e, a.store.DeleteAudience(ctx, id))
}

// update changes an audience as edit does, and writes the event with that
// reason.
func (a *Audiences) update(
	ctx context.Context, by audit.Actor, id, reason string, edit func(*client.Audience) error,
) error {
	e := audit.Event{Name: audit.AudienceUpdated, Audience: id, Reason: reason}
	return a.events.recordIfDone(ctx, by, e, a.store.UpdateAudience(ctx, id, edit))
}

// check rejects an audience that is not valid.
func (a *Audiences) check(x client.Audience) error {
	if !oauth.ValidAudienceID(x.ID) {
		return oauth.Fail(oauth.InvalidRequest,
			"An audience has 1 to 256 printable ASCII characters without space, quote and backslash.")
	}
	switch x.Algorithm {
	case keys.RS256, keys.ES256, keys.EdDSA:
	default:
		return oauth.Fail(oauth.InvalidRequest, "The algorithm must be RS256, ES256 or EdDSA.")
	}
	if x.Lifetime < 0 || x.Lifetime > a.maxAccess || x.Lifetime != 0 && x.Lifetime < time.Second {
		return oauth.Fail(oauth.InvalidRequest, "The lifetime must be 1s to tokens.max_lifetime.")
	}
	if len(x.Claims) > client.MaxClaims {
		return oauth.Fail(oauth.InvalidRequest, "An audience has at most 32 claims.")
	}
	for _, name := range x.Claims {
		if !oauth.ValidClaimName(name) {
			return oauth.Fail(oauth.InvalidRequest, "A claim's name is reserved or malformed.")
		}
	}
	_, err := oauth.ParseScope(x.Scope.String())
	return err
}
