package admin

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// Directories changes many clients and audiences together.
type Directories struct {
	store     DirectoryStore
	users     UserStore
	clients   *Clients
	audiences *Audiences
	events    recorder
}

// CheckAudience rejects an audience that is not valid.
func (a *Directories) CheckAudience(x client.Audience) error { return a.audiences.check(x) }

// ClientCheck returns a function that rejects a client that is not valid, or
// that does not fit the other clients and the audiences of the directory.
func (a *Directories) ClientCheck(d client.Directory) func(client.Client) error {
	o := newOthers(d)
	return func(c client.Client) error { return a.clients.checkAmong(c, o) }
}

// ChangeDirectory makes all changes of the directory, or none. It returns
// client.ErrRaced if the directory has been changed meanwhile, and
// login.ErrIDTaken if a user has the id of a new client. made is whether
// the changes were made: if only an audit event could not be written, they
// were.
func (a *Directories) ChangeDirectory(
	ctx context.Context, by audit.Actor, d client.Directory, c client.Changes,
) (made bool, err error) {
	if c.Len() == 0 {
		return false, nil
	}
	if err := a.checkChanges(d, c); err != nil {
		return false, err
	}
	err = a.store.ChangeDirectory(ctx, c, by.Name)
	switch {
	case errors.Is(err, client.ErrRaced):
		return false, client.ErrRaced
	case err != nil:
		return false, oauth.FromStore(err)
	}
	for _, e := range eventsOf(c) {
		err = errors.Join(err, a.events.record(ctx, by, e))
	}
	return true, err
}

// checkChanges rejects changes after which a changed record is not valid.
func (a *Directories) checkChanges(d client.Directory, c client.Changes) error {
	check := a.ClientCheck(c.Apply(d))
	for _, x := range c.Audiences {
		if x.New == nil {
			continue
		}
		if err := a.CheckAudience(*x.New); err != nil {
			return err
		}
	}
	for _, x := range c.Clients {
		if x.New == nil {
			continue
		}
		if err := check(*x.New); err != nil {
			return err
		}
		if x.Old == nil {
			continue
		}
		if err := CheckFixed(*x.Old, *x.New); err != nil {
			return err
		}
	}
	return nil
}

// CheckFixed rejects the change of a field that is fixed when a client is
// created.
func CheckFixed(old, next client.Client) error {
	switch {
	case old.Public != next.Public:
		return errKindFixed
	case (old.Browser == nil) != (next.Browser == nil), old.Way() != next.Way():
		return errWayFixed
	}
	return nil
}

// UserHasID reports whether a user has an id, which then cannot be that of a
// client.
func (a *Directories) UserHasID(ctx context.Context, id string) (bool, error) {
	_, err := a.users.UserByID(ctx, id)
	if errors.Is(err, oauth.NotFound) {
		return false, nil
	}
	return err == nil, oauth.FromStore(err)
}

// eventsOf returns the audit events of the changes.
func eventsOf(c client.Changes) []audit.Event {
	var events []audit.Event
	for _, x := range c.Audiences {
		switch {
		case x.Old == nil:
			events = append(events, audit.Event{Name: audit.AudienceCreated, Audience: x.New.ID})
		case x.New == nil:
			events = append(events, audit.Event{Name: audit.AudienceDeleted, Audience: x.Old.ID})
		default:
			for _, reason := range reasonsOfAudience(*x.Old, *x.New) {
				events = append(events, audit.Event{Name: audit.AudienceUpdated, Audience: x.New.ID, Reason: reason})
			}
		}
	}
	for _, x := range c.Clients {
		switch {
		case x.Old == nil:
			events = append(events, audit.Event{Name: audit.ClientCreated, Client: x.New.ID})
		case x.New == nil:
			events = append(events, audit.Event{Name: audit.ClientDeleted, Client: x.Old.ID})
		default:
			for _, reason := range reasonsOfClient(*x.Old, *x.New) {
				events = append(events, audit.Event{Name: audit.ClientUpdated, Client: x.New.ID, Reason: reason})
			}
		}
	}
	return events
}

// reasonsOfAudience returns the reasons of the events of an update.
func reasonsOfAudience(old, x client.Audience) []string {
	reasons := reasonsOfState(old.DisabledAt, x.DisabledAt)
	old.DisabledAt, x.DisabledAt = time.Time{}, time.Time{}
	if !reflect.DeepEqual(old, x) {
		reasons = append(reasons, audit.SettingsChanged)
	}
	return reasons
}

// reasonsOfClient returns the reasons of the events of an update.
func reasonsOfClient(old, c client.Client) []string {
	reasons := reasonsOfState(old.DisabledAt, c.DisabledAt)
	if !reflect.DeepEqual(old.Secrets, c.Secrets) {
		reasons = append(reasons, audit.SecretRotated)
	}
	old.DisabledAt, c.DisabledAt = time.Time{}, time.Time{}
	old.Secrets, c.Secrets = nil, nil
	if !reflect.DeepEqual(old, c) {
		reasons = append(reasons, audit.SettingsChanged)
	}
	return reasons
}

func reasonsOfState(old, now time.Time) []string {
	switch {
	case old.IsZero() && !now.IsZero():
		return []string{audit.Disabled}
	case !old.IsZero() && now.IsZero():
		return []string{audit.Enabled}
	}
	return nil
}
