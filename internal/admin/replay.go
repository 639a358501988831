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

// A Replayed is what became of one event of the audit log in a store that was put back to a state of before it.
type Replayed struct {
	// Changed is how many grants, users or clients were changed; zero if all was as the event left it.
	Changed int
	// Lost says what the event did that cannot be done again, and what to do about it; empty if there is nothing.
	Lost string
}

// LastWords leaves out the events that a later one of the list undoes: of a user's, and of a client's, being disabled and
// enabled only the last counts. The events are in the order of their times.
func LastWords(events []audit.Event) []audit.Event {
	last := make(map[string]int)
	for i, e := range events {
		if subject, ok := toggles(e); ok {
			last[subject] = i
		}
	}
	var left []audit.Event
	for i, e := range events {
		if subject, ok := toggles(e); !ok || last[subject] == i {
			left = append(left, e)
		}
	}
	return left
}

// toggles returns whom the event disables or enables.
func toggles(e audit.Event) (subject string, ok bool) {
	switch {
	case e.Name == audit.UserDisabled, e.Name == audit.UserEnabled:
		return "user:" + e.Subject, true
	case e.Name == audit.ClientUpdated && (e.Reason == audit.Disabled || e.Reason == audit.Enabled):
		return "client:" + e.Client, true
	}
	return "", false
}

// Replay does again what an event says was done, as far as the event tells and it is not done. What was made after the event,
// such as a login, stays. To do it twice is to do it once.
func (a *Admin) Replay(ctx context.Context, by audit.Actor, e audit.Event) (Replayed, error) {
	switch e.Name {
	case audit.GrantRevoked, audit.RefreshReused:
		return a.replayRevocation(ctx, by, e)
	case audit.UserDisabled, audit.UserEnabled, audit.UserDeleted, audit.PasswordSet:
		return a.replayUser(ctx, by, e)
	case audit.ClientDeleted, audit.ClientUpdated:
		return a.replayClient(ctx, by, e)
	}
	return a.missed(ctx, e)
}

func (a *Admin) replayRevocation(ctx context.Context, by audit.Actor, e audit.Event) (Replayed, error) {
	reason := e.Reason
	if e.Name == audit.RefreshReused {
		reason = audit.RevokedByReuse
	}
	if e.Grant == "" {
		client := ""
		if reason == audit.RevokedByClient {
			client = e.Actor.Name // a client ends its own grants
		}
		return a.revokeOlder(ctx, by, e, client, reason)
	}
	id, err := oauth.ParseGrantID(e.Grant)
	if err != nil {
		return Replayed{}, err
	}
	changed, err := a.revokeAgain(ctx, by, id, reason, e.Time)
	return Replayed{Changed: changed}, err
}

// revokeAgain ends one grant as of then. One that the store does not have needs no end.
func (a *Admin) revokeAgain(ctx context.Context, by audit.Actor, id oauth.GrantID, reason string, then time.Time) (int, error) {
	g, changed, err := a.store.RevokeGrant(ctx, id, "", reason, then.UTC().Truncate(time.Microsecond))
	switch {
	case errors.Is(err, oauth.NotFound), err == nil && !changed:
		return 0, nil
	case err != nil:
		return 0, oauth.FromStore(err)
	}
	return 1, a.record(by, audit.Event{Name: audit.GrantRevoked, Subject: g.UserID, Grant: id.String(), Reason: reason, Count: 1})
}

// revokeOlder ends the grants of the event's subject that were there when it happened, but for the one that it kept.
func (a *Admin) revokeOlder(ctx context.Context, by audit.Actor, e audit.Event, client, reason string) (Replayed, error) {
	var done Replayed
	f := grant.Filter{Subject: e.Subject, ClientID: client, Limit: 100}
	for {
		page, err := a.store.Grants(ctx, f)
		if err != nil {
			return done, oauth.FromStore(err)
		}
		for _, g := range page {
			if !g.RevokedAt.IsZero() || g.CreatedAt.After(e.Time) || g.ID.String() == e.Kept {
				continue
			}
			n, err := a.revokeAgain(ctx, by, g.ID, reason, e.Time)
			if done.Changed += n; err != nil {
				return done, err
			}
		}
		if len(page) < f.Limit {
			return done, nil
		}
		f.After = page[len(page)-1].ID
	}
}

func (a *Admin) replayUser(ctx context.Context, by audit.Actor, e audit.Event) (Replayed, error) {
	u, err := a.store.UserByID(ctx, e.Subject)
	if errors.Is(err, oauth.NotFound) && e.Name == audit.UserDeleted {
		return a.revokeOlder(ctx, by, e, "", audit.RevokedByDeletion)
	}
	if errors.Is(err, oauth.NotFound) {
		return Replayed{}, nil // whoever made or deleted it has an event of their own
	}
	if err != nil {
		return Replayed{}, oauth.FromStore(err)
	}
	switch disabled := !u.DisabledAt.IsZero(); {
	case e.Name == audit.UserDeleted:
		return Replayed{Changed: 1}, a.DeleteUser(ctx, by, u.Username)
	case e.Name == audit.PasswordSet:
		done, err := a.revokeOlder(ctx, by, e, "", audit.RevokedByPassword)
		done.Lost = "the new password of " + u.Username + ": the old one works again until you set another"
		return done, err
	case e.Name == audit.UserDisabled && !disabled:
		return Replayed{Changed: 1}, a.DisableUser(ctx, by, u.Username)
	case e.Name == audit.UserEnabled && disabled:
		return Replayed{Changed: 1}, a.EnableUser(ctx, by, u.Username)
	}
	return Replayed{}, nil
}

func (a *Admin) replayClient(ctx context.Context, by audit.Actor, e audit.Event) (Replayed, error) {
	d, err := a.Directory(ctx)
	if err != nil {
		return Replayed{}, err
	}
	c, ok := d.Client(e.Client)
	if !ok || c.CreatedAt.After(e.Time) { // another client had the name then
		return Replayed{}, nil
	}
	switch disabled := !c.DisabledAt.IsZero(); {
	case e.Name == audit.ClientDeleted:
		return Replayed{Changed: 1}, a.DeleteClient(ctx, by, c.ID)
	case e.Reason == audit.Disabled && !disabled:
		return Replayed{Changed: 1}, a.DisableClient(ctx, by, c.ID)
	case e.Reason == audit.Enabled && disabled:
		return Replayed{Changed: 1}, a.EnableClient(ctx, by, c.ID)
	case e.Reason == audit.SecretRotated && !newerSecret(c, e.Time):
		return Replayed{Lost: "the new secret of " + c.ID + ": the ones before it work; rotate it again"}, nil
	case e.Reason == audit.SettingsChanged:
		return Replayed{Lost: "maybe, new settings of " + c.ID + ": compare them"}, nil
	}
	return Replayed{}, nil
}

// newerSecret says whether the client has a secret that was made as late as the event; the clocks of both are ours.
func newerSecret(c client.Client, then time.Time) bool {
	return slices.ContainsFunc(c.Secrets, func(s client.Secret) bool { return !s.CreatedAt.Before(then.Add(-time.Minute)) })
}

// missed says what an event made that the store does not have.
func (a *Admin) missed(ctx context.Context, e audit.Event) (Replayed, error) {
	d, err := a.Directory(ctx)
	if err != nil {
		return Replayed{}, err
	}
	switch e.Name {
	case audit.UserCreated:
		_, err := a.store.UserByID(ctx, e.Subject)
		if errors.Is(err, oauth.NotFound) {
			return Replayed{Lost: "the user: create it again"}, nil
		}
		return Replayed{}, oauth.FromStore(err)
	case audit.ClientCreated:
		if _, ok := d.Client(e.Client); !ok {
			return Replayed{Lost: "the client: create it again"}, nil
		}
	case audit.AudienceCreated:
		if _, ok := d.Audience(e.Audience); !ok {
			return Replayed{Lost: "the audience: create it again"}, nil
		}
	case audit.AudienceUpdated:
		return Replayed{Lost: "maybe, new settings of the audience: compare them"}, nil
	case audit.AudienceDeleted:
		if _, ok := d.Audience(e.Audience); ok {
			return Replayed{Lost: "that the audience was deleted: delete it again, if it is not a new one"}, nil
		}
	case audit.ClaimsSet:
		return Replayed{Lost: "maybe, new claims of the user: compare them"}, nil
	case audit.LoginSucceeded, audit.TokenMinted:
		return a.missedLogin(ctx, e)
	}
	return Replayed{}, nil
}

// missedLogin says whether the grant of a login is gone. Those that were minted for a client's own users count as logins.
func (a *Admin) missedLogin(ctx context.Context, e audit.Event) (Replayed, error) {
	if e.Grant == "" {
		return Replayed{}, nil // minted without one
	}
	id, err := oauth.ParseGrantID(e.Grant)
	if err != nil {
		return Replayed{}, err
	}
	_, err = a.store.Grant(ctx, id)
	if errors.Is(err, oauth.NotFound) {
		return Replayed{Lost: "the login: its user logs in again"}, nil
	}
	return Replayed{}, oauth.FromStore(err)
}
