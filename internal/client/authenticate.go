package client

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/signetd/signet/internal/oauth"
)

var errCertificate = errors.New("the certificate has expired or is not for client authentication")

// Authenticate returns the client of that id if the secret is one of its
// current ones. A public client has the empty secret (RFC 6749 §2.3.1). In
// every other case the error is invalid_client. Before the registry refuses a
// client, it reads the clients again; see Recheck.
func (r *Registry) Authenticate(ctx context.Context, id, secret string) (Client, error) {
	return r.find(ctx, func(s *Snapshot) (*Client, bool) { return s.bySecret(id, secret) })
}

// AuthenticateCertificate returns the client that has registered a name in the
// certificate (RFC 8705 §2.1). The caller has verified the certificate's chain.
// If id is not empty, only the client of that id is accepted (RFC 8705 §2), and
// a public client of that id needs no certificate. Like Authenticate, it reads
// the clients again before it refuses a client.
func (r *Registry) AuthenticateCertificate(ctx context.Context, id string, c *x509.Certificate) (Client, error) {
	// A certificate may expire while its connection is open.
	now := r.Now()
	if now.Before(c.NotBefore) || now.After(c.NotAfter) || !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		found, err := r.Authenticate(ctx, id, "")
		if errors.Is(err, oauth.InvalidClient) {
			err = oauth.Refused(oauth.InvalidClient, errCertificate)
		}
		return found, err
	}

	sans := CertSANs(c)
	return r.find(ctx, func(s *Snapshot) (*Client, bool) { return s.byCertificate(id, sans) })
}

// find returns the client that match finds in the snapshot, or in a snapshot
// that the store has confirmed since the call.
func (r *Registry) find(ctx context.Context, match func(*Snapshot) (*Client, bool)) (Client, error) {
	s, err := r.Snapshot()
	if err != nil {
		return Client{}, err
	}
	if c, ok := match(s); ok {
		return *c, nil
	}

	if s, err = r.Recheck(ctx); err != nil {
		return Client{}, err
	}
	c, ok := match(s)
	if !ok {
		return Client{}, oauth.Refused(oauth.InvalidClient, nil)
	}
	return *c, nil
}

// bySecret returns the enabled client of that id if the secret matches.
func (s *Snapshot) bySecret(id, secret string) (*Client, bool) {
	c, ok := s.clients[id]
	switch {
	case !ok, !c.DisabledAt.IsZero():
		return nil, false
	case c.Public:
		return c, secret == ""
	}
	return c, c.SecretMatches(secret)
}

// byCertificate returns the enabled client that has registered one of the
// names. An empty id accepts any client.
func (s *Snapshot) byCertificate(id string, sans []string) (*Client, bool) {
	if id == "" {
		id = s.ownerOf(sans)
	}
	c, ok := s.clients[id]
	if !ok || !c.DisabledAt.IsZero() {
		return nil, false
	}
	registered := func(san string) bool { return slices.Contains(sans, san) }
	return c, c.Public || slices.ContainsFunc(c.CertSANs, registered)
}

// ownerOf returns the id of the only client that has registered any of the
// names. It returns the empty id if there is none, or more than one.
func (s *Snapshot) ownerOf(sans []string) (id string) {
	for _, san := range sans {
		switch owner, ok := s.bySAN[san]; {
		case !ok:
		case id != "" && owner != id, owner == "":
			return ""
		default:
			id = owner
		}
	}
	return id
}
