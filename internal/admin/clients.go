package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// Clients creates, changes and deletes clients.
type Clients struct {
	store ClientStore
	// maxRefresh caps the lifetimes of grants.
	maxRefresh time.Duration
	events     recorder
}

var (
	errNoSecret  = oauth.Fail(oauth.FailedPrecondition, "A public client has no secret.")
	errKindFixed = oauth.Fail(oauth.FailedPrecondition,
		"Whether a client is public is fixed when it is created; create another client.")
	errHasSecret = oauth.Fail(oauth.AlreadyExists, "The client has this secret already.")
)

// CreateClient registers a client. An empty id gets a new one. secret is the
// secret that the client has already. If it is empty, a confidential client
// without keys of its own gets a new secret, which CreateClient returns: the
// store does not have it.
func (a *Clients) CreateClient(
	ctx context.Context, by audit.Actor, c client.Client, secret string,
) (_ client.Client, created string, err error) {
	if c.ID == "" {
		c.ID = "cli_" + strings.ToLower(rand.Text())
	}
	c.CreatedAt = a.events.now()
	switch {
	case secret != "":
		if err := a.addGivenSecret(&c, secret); err != nil {
			return c, "", err
		}
	case !c.Public && len(c.Keys) == 0:
		created = a.addSecret(&c)
	}
	d, err := a.Directory(ctx)
	if err != nil {
		return c, "", err
	}
	if err := a.check(c, d); err != nil {
		return c, "", err
	}
	e := audit.Event{Name: audit.ClientCreated, Client: c.ID}
	if err := a.events.recordIfDone(ctx, by, e, a.store.CreateClient(ctx, c)); err != nil {
		return c, "", err
	}
	return c, created, nil
}

// UpdateClient changes a client as edit does. The id, the secrets and the dates
// stay, and a public client stays public. The way of its logins in the browser
// cannot change, because its live grants are of that way.
func (a *Clients) UpdateClient(ctx context.Context, by audit.Actor, id string, edit func(*client.Client)) error {
	d, err := a.Directory(ctx)
	if err != nil {
		return err
	}
	return a.update(ctx, by, id, audit.SettingsChanged, func(c *client.Client) error {
		old, way := *c, c.Way() // edit may change the Browser of both
		edit(c)
		if (c.Browser == nil) != (old.Browser == nil) || c.Way() != way {
			return errWayFixed
		}
		c.ID, c.Public, c.Secrets = old.ID, old.Public, old.Secrets
		c.DisabledAt, c.CreatedAt = old.DisabledAt, old.CreatedAt
		return a.check(*c, d)
	})
}

// RotateSecret gives a confidential client a new secret and returns it. The
// previous secret stays valid; the one before it does not.
func (a *Clients) RotateSecret(ctx context.Context, by audit.Actor, id string) (secret string, err error) {
	return a.rotateSecret(ctx, by, id, client.MaxSecrets-1)
}

// rotateSecret gives a confidential client a new secret. At most keep of its
// earlier secrets stay valid.
func (a *Clients) rotateSecret(ctx context.Context, by audit.Actor, id string, keep int) (secret string, err error) {
	err = a.update(ctx, by, id, audit.SecretRotated, func(c *client.Client) error {
		if c.Public {
			return errNoSecret
		}
		c.Secrets = c.Secrets[max(0, len(c.Secrets)-keep):]
		secret = a.addSecret(c)
		return nil
	})
	return secret, err
}

// AddSecret makes secret the newest secret of a confidential client. The
// previous secret stays valid; the one before it does not. If the client has
// the secret already, AddSecret changes nothing.
func (a *Clients) AddSecret(ctx context.Context, by audit.Actor, id, secret string) error {
	err := a.update(ctx, by, id, audit.SecretRotated, func(c *client.Client) error {
		if c.SecretMatches(secret) {
			return errHasSecret
		}
		return a.addGivenSecret(c, secret)
	})
	if errors.Is(err, errHasSecret) {
		return nil
	}
	return err
}

// DisableClient disables the client. All servers refuse it within half a
// second. Its grants stay.
func (a *Clients) DisableClient(ctx context.Context, by audit.Actor, id string) error {
	return a.update(ctx, by, id, audit.Disabled, func(c *client.Client) error {
		if c.DisabledAt.IsZero() {
			c.DisabledAt = a.events.now()
		}
		return nil
	})
}

// EnableClient undoes DisableClient.
func (a *Clients) EnableClient(ctx context.Context, by audit.Actor, id string) error {
	return a.update(ctx, by, id, audit.Enabled, func(c *client.Client) error {
		c.DisabledAt = time.Time{}
		return nil
	})
}

// DeleteClient deletes the client and revokes its grants.
func (a *Clients) DeleteClient(ctx context.Context, by audit.Actor, id string) error {
	e := audit.Event{Name: audit.ClientDeleted, Client: id}
	return a.events.recordIfDone(ctx, by, e, a.store.DeleteClient(ctx, id, by.Name))
}

// Directory returns all clients and audiences, by id.
func (a *Clients) Directory(ctx context.Context) (client.Directory, error) {
	d, err := a.store.Directory(ctx)
	return d, oauth.FromStore(err)
}

// update changes a client as edit does, and writes the event with that reason.
func (a *Clients) update(
	ctx context.Context, by audit.Actor, id, reason string, edit func(*client.Client) error,
) error {
	e := audit.Event{Name: audit.ClientUpdated, Client: id, Reason: reason}
	return a.events.recordIfDone(ctx, by, e, a.store.UpdateClient(ctx, id, edit))
}

// addSecret makes a secret and adds its hash as the client's newest.
func (a *Clients) addSecret(c *client.Client) string {
	secret := NewClientSecret()
	c.Secrets = AddClientSecret(*c, secret, a.events.now())
	return secret
}

// addGivenSecret adds the hash of a secret of another system as the client's
// newest.
func (a *Clients) addGivenSecret(c *client.Client, secret string) error {
	if c.Public {
		return errNoSecret
	}
	if err := CheckClientSecret(secret); err != nil {
		return err
	}
	c.Secrets = AddClientSecret(*c, secret, a.events.now())
	return nil
}
