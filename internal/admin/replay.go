package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// A Replayer repeats the changes of an audit log in a store that was restored
// from a backup.
type Replayer struct {
	store interface {
		UserStore
		GrantStore
	}
	accounts *Accounts
	clients  *Clients
	// revocations writes the entries of the revocation log.
	revocations *Revocations
	events      recorder
	// skew is how far the times of events may differ from the store's clock. If
	// it is not certain whether an event ended something, the replay ends it.
	skew time.Duration
}

// A ReplayResult is the result of the replay of one event.
type ReplayResult struct {
	// Changed is how many grants, users or clients were changed, or entries of
	// the revocation log written. It is zero if the store already had the
	// changes of the event.
	Changed int
	// Lost is what cannot be replayed, and what the operator can do about it.
	// It is empty if nothing is lost.
	Lost string
}

// DropSuperseded leaves out the events that a later event of the list undoes.
// Of the events that disable and enable one user or one client only the last
// remains. The events are in the order of their times.
func DropSuperseded(events []audit.Event) []audit.Event {
	last := make(map[string]int)
	for i, e := range events {
		if target, ok := disablesOrEnables(e); ok {
			last[target] = i
		}
	}
	var remaining []audit.Event
	for i, e := range events {
		if target, ok := disablesOrEnables(e); !ok || last[target] == i {
			remaining = append(remaining, e)
		}
	}
	return remaining
}

// disablesOrEnables returns the user or client that the event disables or
// enables.
func disablesOrEnables(e audit.Event) (target string, ok bool) {
	switch {
	case e.Name == audit.UserDisabled, e.Name == audit.UserEnabled:
		return "user:" + e.Subject, true
	case e.Name == audit.ClientUpdated && (e.Reason == audit.Disabled || e.Reason == audit.Enabled):
		return "client:" + e.Client, true
	}
	return "", false
}

// Replay makes the change of an event, unless the store has it or the event
// does not contain enough. Changes that are newer than the event, such as a
// login, stay. A second replay of the event changes nothing.
func (r *Replayer) Replay(ctx context.Context, by audit.Actor, e audit.Event) (ReplayResult, error) {
	switch e.Name {
	case audit.GrantRevoked, audit.RefreshReused:
		return r.replayRevocation(ctx, by, e)
	case audit.UserDisabled, audit.UserEnabled, audit.UserDeleted, audit.PasswordSet:
		return r.replayUser(ctx, by, e)
	case audit.ClientDeleted, audit.ClientUpdated:
		return r.replayClient(ctx, by, e)
	case audit.TokenRevoked, audit.RevocationAdded:
		written, err := r.revocations.replay(ctx, by, e)
		if !written {
			return ReplayResult{}, err
		}
		return ReplayResult{Changed: 1}, err
	}
	return r.findLost(ctx, e)
}

func (r *Replayer) replayRevocation(ctx context.Context, by audit.Actor, e audit.Event) (ReplayResult, error) {
	reason := e.Reason
	if e.Name == audit.RefreshReused {
		reason = audit.RevokedByReuse
	}
	if e.Grant == "" {
		clientID := ""
		if reason == audit.RevokedByClient {
			clientID = e.Actor.Name // a client revokes only its own grants
		}
		return r.revokeOlder(ctx, by, e, clientID, reason)
	}
	id, err := oauth.ParseGrantID(e.Grant)
	if err != nil {
		return ReplayResult{}, err
	}
	changed, err := r.revoke(ctx, by, id, reason, e.Time)
	return ReplayResult{Changed: changed}, err
}

// revoke revokes one grant as of then and returns how many it revoked. If the
// store does not have the grant, its tokens may still be valid: revoke writes
// the entry into the revocation log that the revocation would have written.
func (r *Replayer) revoke(
	ctx context.Context, by audit.Actor, id oauth.GrantID, reason string, then time.Time,
) (int, error) {
	g, changed, err := r.store.RevokeGrant(ctx, id, "", reason, then.UTC().Truncate(time.Microsecond))
	switch {
	case errors.Is(err, oauth.NotFound):
		return r.revocations.replayLost(ctx, grant.RevokedGrant(id), then)
	case err == nil && !changed:
		return 0, nil
	case err != nil:
		return 0, oauth.FromStore(err)
	}
	e := audit.Event{Name: audit.GrantRevoked, Subject: g.UserID, Grant: id.String(), Reason: reason, Count: 1}
	return 1, r.events.record(ctx, by, e)
}

// revokeOlder revokes the grants of the event's subject that were created until
// the event, except the one that the event names in KeptGrant.
func (r *Replayer) revokeOlder(
	ctx context.Context, by audit.Actor, e audit.Event, clientID, reason string,
) (ReplayResult, error) {
	ending := grant.Ending{
		Subject: e.Subject, ClientID: clientID, Reason: reason, Actor: by.Name, CreatedUntil: e.Moment,
	}
	if ending.CreatedUntil.IsZero() { // an event of an older version
		ending.CreatedUntil = e.Time.Add(r.skew)
	}
	if e.KeptGrant != "" {
		var err error
		if ending.Except, err = oauth.ParseGrantID(e.KeptGrant); err != nil {
			return ReplayResult{}, err
		}
	}
	ended, err := r.store.RevokeGrants(ctx, ending)
	if err != nil || ended.Live == 0 {
		return ReplayResult{}, oauth.FromStore(err)
	}
	event := audit.Event{
		Name: audit.GrantRevoked, Subject: e.Subject, Reason: reason, Count: ended.Live,
		Moment: ending.CreatedUntil, KeptGrant: e.KeptGrant,
	}
	return ReplayResult{Changed: ended.Live}, r.events.record(ctx, by, event)
}

func (r *Replayer) replayUser(ctx context.Context, by audit.Actor, e audit.Event) (ReplayResult, error) {
	u, err := r.store.UserByID(ctx, e.Subject)
	if errors.Is(err, oauth.NotFound) && e.Name == audit.UserDeleted {
		return r.revokeOlder(ctx, by, e, "", audit.RevokedByDeletion)
	}
	if errors.Is(err, oauth.NotFound) {
		// The event that created or deleted the user reports that it is lost.
		if e.Name == audit.UserEnabled {
			return ReplayResult{}, nil
		}
		written, err := r.revocations.replayLost(ctx, grant.RevokedSubject(e.Subject, ""), e.Time)
		return ReplayResult{Changed: written}, err
	}
	if err != nil {
		return ReplayResult{}, oauth.FromStore(err)
	}

	switch disabled := !u.DisabledAt.IsZero(); {
	case e.Name == audit.UserDeleted:
		return ReplayResult{Changed: 1}, r.accounts.DeleteUser(ctx, by, u.Username)
	case e.Name == audit.PasswordSet:
		result, err := r.revokeOlder(ctx, by, e, "", audit.RevokedByPassword)
		result.Lost = "the new password of " + u.Username + ": the old one works again until you set another"
		return result, err
	case e.Name == audit.UserDisabled && !disabled:
		return ReplayResult{Changed: 1}, r.accounts.DisableUser(ctx, by, u.Username)
	case e.Name == audit.UserEnabled && disabled:
		return ReplayResult{Changed: 1}, r.accounts.EnableUser(ctx, by, u.Username)
	}
	return ReplayResult{}, nil
}

func (r *Replayer) replayClient(ctx context.Context, by audit.Actor, e audit.Event) (ReplayResult, error) {
	d, err := r.clients.Directory(ctx)
	if err != nil {
		return ReplayResult{}, err
	}
	c, ok := d.Client(e.Client)
	if !ok && (e.Name == audit.ClientDeleted || e.Reason == audit.Disabled) {
		written, err := r.revocations.replayLost(ctx, grant.RevokedClient(e.Client), e.Time)
		return ReplayResult{Changed: written}, err
	}
	if !ok || c.CreatedAt.After(e.Time.Add(r.skew)) { // the event is about an older client of that id
		return ReplayResult{}, nil
	}

	switch disabled := !c.DisabledAt.IsZero(); {
	case e.Name == audit.ClientDeleted:
		return ReplayResult{Changed: 1}, r.clients.DeleteClient(ctx, by, c.ID)
	case e.Reason == audit.Disabled && !disabled:
		return ReplayResult{Changed: 1}, r.clients.DisableClient(ctx, by, c.ID)
	case e.Reason == audit.Enabled && disabled:
		return ReplayResult{Changed: 1}, r.clients.EnableClient(ctx, by, c.ID)
	case e.Reason == audit.SecretRotated && !hasSecretSince(c, e.Time):
		return ReplayResult{Lost: "the new secret of " + c.ID + ": the ones before it work; rotate it again"}, nil
	case e.Reason == audit.SettingsChanged:
		return ReplayResult{Lost: "perhaps new settings of " + c.ID + ": compare them"}, nil
	}
	return ReplayResult{}, nil
}

// hasSecretSince reports whether the client has a secret that was made for the
// event, or later. Both times are by the store's clock. The secret may be up to
// a minute older than its event.
func hasSecretSince(c client.Client, then time.Time) bool {
	earliest := then.Add(-time.Minute)
	return slices.ContainsFunc(c.Secrets, func(s client.Secret) bool { return !s.CreatedAt.Before(earliest) })
}

// findLost returns what an event created that the store does not have.
func (r *Replayer) findLost(ctx context.Context, e audit.Event) (ReplayResult, error) {
	d, err := r.clients.Directory(ctx)
	if err != nil {
		return ReplayResult{}, err
	}
	switch e.Name {
	case audit.UserCreated:
		_, err := r.store.UserByID(ctx, e.Subject)
		if errors.Is(err, oauth.NotFound) {
			return ReplayResult{Lost: "the user: create it again"}, nil
		}
		return ReplayResult{}, oauth.FromStore(err)
	case audit.ClientCreated:
		if _, ok := d.Client(e.Client); !ok {
			return ReplayResult{Lost: "the client: create it again"}, nil
		}
	case audit.AudienceCreated:
		if _, ok := d.Audience(e.Audience); !ok {
			return ReplayResult{Lost: "the audience: create it again"}, nil
		}
	case audit.AudienceUpdated:
		return ReplayResult{Lost: "perhaps new settings of the audience: compare them"}, nil
	case audit.AudienceDeleted:
		if _, ok := d.Audience(e.Audience); ok {
			return ReplayResult{Lost: "the deletion of the audience: delete it again unless it is a new one"}, nil
		}
		written, err := r.revocations.replayLost(ctx, grant.RevokedAudience(e.Audience), e.Time)
		return ReplayResult{Changed: written}, err
	case audit.ClaimsSet:
		return ReplayResult{Lost: "perhaps new claims of the user: compare them"}, nil
	case audit.LoginSucceeded, audit.TokenMinted:
		return r.findLostLogin(ctx, e)
	}
	return ReplayResult{}, nil
}

// findLostLogin returns whether the grant of a login is missing. A grant that
// was minted counts as a login.
func (r *Replayer) findLostLogin(ctx context.Context, e audit.Event) (ReplayResult, error) {
	if e.Grant == "" {
		return ReplayResult{}, nil // a token was minted without a grant
	}
	id, err := oauth.ParseGrantID(e.Grant)
	if err != nil {
		return ReplayResult{}, err
	}
	_, err = r.store.Grant(ctx, id)
	if errors.Is(err, oauth.NotFound) {
		return ReplayResult{Lost: "the login: the user must log in again"}, nil
	}
	return ReplayResult{}, oauth.FromStore(err)
}
