package admin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// CreateClient registers a client. An empty id gets a fresh one. A confidential client gets a secret, which is returned
// here and never again; a public one has none, nor has one that has keys of its own.
func (a *Admin) CreateClient(ctx context.Context, by audit.Actor, c client.Client) (_ client.Client, secret string, err error) {
	if c.ID == "" {
		c.ID = "cli_" + strings.ToLower(rand.Text())
	}
	c.CreatedAt = a.time()
	if !c.Public && len(c.Keys) == 0 {
		secret = a.addSecret(&c)
	}
	d, err := a.Directory(ctx)
	if err != nil {
		return c, "", err
	}
	if err := a.checkClient(c, d); err != nil {
		return c, "", err
	}
	if err := a.done(by, audit.Event{Name: audit.ClientCreated, Client: c.ID}, a.store.CreateClient(ctx, c)); err != nil {
		return c, "", err
	}
	return c, secret, nil
}

// UpdateClient changes what edit changes of a client. The id, the secrets and the dates stay as they are.
func (a *Admin) UpdateClient(ctx context.Context, by audit.Actor, id string, edit func(*client.Client)) error {
	d, err := a.Directory(ctx)
	if err != nil {
		return err
	}
	return a.changeClient(ctx, by, id, audit.SettingsChanged, func(c *client.Client) error {
		old := *c
		edit(c)
		c.ID, c.Public, c.Secrets, c.DisabledAt, c.CreatedAt = old.ID, old.Public, old.Secrets, old.DisabledAt, old.CreatedAt
		return a.checkClient(*c, d)
	})
}

// RotateSecret gives a confidential client one more secret and returns it. The one before goes on working; the one before
// that stops.
func (a *Admin) RotateSecret(ctx context.Context, by audit.Actor, id string) (secret string, err error) {
	err = a.changeClient(ctx, by, id, audit.SecretRotated, func(c *client.Client) error {
		if c.Public {
			return oauth.Fail(oauth.FailedPrecondition, "A public client has no secret.")
		}
		secret = a.addSecret(c)
		return nil
	})
	return secret, err
}

// DisableClient refuses the client everywhere within half a second; its grants stay. EnableClient undoes it.
func (a *Admin) DisableClient(ctx context.Context, by audit.Actor, id string) error {
	return a.changeClient(ctx, by, id, audit.Disabled, func(c *client.Client) error {
		if c.DisabledAt.IsZero() {
			c.DisabledAt = a.time()
		}
		return nil
	})
}

// EnableClient lets a disabled client in again.
func (a *Admin) EnableClient(ctx context.Context, by audit.Actor, id string) error {
	return a.changeClient(ctx, by, id, audit.Enabled, func(c *client.Client) error {
		c.DisabledAt = time.Time{}
		return nil
	})
}

// DeleteClient deletes the client and revokes its grants.
func (a *Admin) DeleteClient(ctx context.Context, by audit.Actor, id string) error {
	return a.done(by, audit.Event{Name: audit.ClientDeleted, Client: id}, a.store.DeleteClient(ctx, id, a.time()))
}

// Directory returns all clients and audiences, by id.
func (a *Admin) Directory(ctx context.Context) (client.Directory, error) {
	d, err := a.store.Directory(ctx)
	return d, oauth.FromStore(err)
}

func (a *Admin) changeClient(ctx context.Context, by audit.Actor, id, what string, edit func(*client.Client) error) error {
	return a.done(by, audit.Event{Name: audit.ClientUpdated, Client: id, Reason: what}, a.store.UpdateClient(ctx, id, edit))
}

// addSecret makes a secret of 256 bits and keeps its hash as the client's newest.
func (a *Admin) addSecret(c *client.Client) string {
	var b [32]byte
	rand.Read(b[:])
	secret := "sgs_" + base64.RawURLEncoding.EncodeToString(b[:])
	c.Secrets = append(slices.Clone(c.Secrets), client.Secret{Hash: client.HashSecret(secret), CreatedAt: a.time()})
	if extra := len(c.Secrets) - client.MaxSecrets; extra > 0 {
		c.Secrets = c.Secrets[extra:]
	}
	return secret
}

// maxLeeway is the longest time for which a superseded refresh token may still be a second tab.
const maxLeeway = time.Minute

// checkClient refuses what a client must not be, beside the others and the audiences that there are.
func (a *Admin) checkClient(c client.Client, d client.Directory) error {
	switch {
	case !oauth.ValidClientID(c.ID):
		return oauth.Fail(oauth.InvalidRequest, "A client id has 1 to 128 printable ASCII characters without space, quote and backslash.")
	case strings.HasPrefix(c.ID, oauth.UserIDPrefix): // its own tokens would name it as a user (RFC 9068 §5)
		return oauth.Fail(oauth.InvalidRequest, "A client id does not begin with usr_, as the ids of users do.")
	case c.ID == "server", strings.HasPrefix(c.ID, "operator:"): // the other actors in the audit log
		return oauth.Fail(oauth.InvalidRequest, "A client id is not server and does not begin with operator:, which are others in the audit log.")
	case c.RefreshIdle < 0 || c.RefreshIdle > a.limits.MaxRefresh || c.RefreshIdle != 0 && c.RefreshIdle < time.Second:
		return oauth.Fail(oauth.InvalidRequest, "The idle lifetime must be 1s to refresh.max_lifetime.")
	case c.RefreshAbsolute < 0 || c.RefreshAbsolute > a.limits.MaxRefresh || c.RefreshAbsolute != 0 && c.RefreshAbsolute < time.Second:
		return oauth.Fail(oauth.InvalidRequest, "The absolute lifetime must be 1s to refresh.max_lifetime.")
	case c.Leeway != nil && (*c.Leeway < 0 || *c.Leeway > maxLeeway):
		return oauth.Fail(oauth.InvalidRequest, "The leeway must be 0s to 60s.")
	case c.Public && len(c.Keys) > 0:
		return oauth.Fail(oauth.InvalidRequest, "A public client has no keys: it identifies itself by its id alone.")
	case len(c.Keys) > client.MaxKeys:
		return oauth.Fail(oauth.InvalidRequest, "A client has at most 8 keys.")
	case c.Public && (c.MintSubjects || len(c.CertSANs) > 0):
		return oauth.Fail(oauth.InvalidRequest, "A public client has no certificate and mints nothing: it cannot prove who it is.")
	}
	if _, err := oauth.ParseScope(c.Scope.String()); err != nil {
		return err
	}
	for _, name := range c.Audiences {
		if _, ok := d.Audience(name); !ok {
			return oauth.Fail(oauth.FailedPrecondition, "There is no such audience; create it first.")
		}
	}
	return checkCertSANs(c, d.Clients)
}

// checkCertSANs refuses names that are malformed, or by which another client is known already.
func checkCertSANs(c client.Client, others []client.Client) error {
	if len(c.CertSANs) > oauth.MaxCertSANs {
		return oauth.Fail(oauth.InvalidRequest, "A client has at most 16 certificate names.")
	}
	for _, san := range c.CertSANs {
		if !client.ValidCertSAN(san) {
			return oauth.Fail(oauth.InvalidRequest,
				"A certificate name is dns:NAME in lower case, uri:URI, email:ADDRESS or ip:ADDRESS, without a wildcard.")
		}
		for _, other := range others {
			if other.ID != c.ID && slices.Contains(other.CertSANs, san) {
				return oauth.Fail(oauth.FailedPrecondition, "Another client has this certificate name.")
			}
		}
	}
	return nil
}

// ReadClientKeys reads the public keys of a client from a JWK Set (RFC 7517 §5).
func ReadClientKeys(jwks []byte) ([]client.Key, error) {
	set, err := keys.ReadForeignSet(jwks)
	if err != nil { // what it says is fixed words
		return nil, oauth.Fail(oauth.InvalidRequest, "The JWK Set cannot be used: "+err.Error()+".")
	}
	all := make([]client.Key, len(set))
	for n, k := range set {
		all[n] = client.Key{ID: k.ID, Algorithm: k.Algorithm, Public: k.Public}
	}
	return all, nil
}
