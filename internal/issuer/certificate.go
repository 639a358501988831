package issuer

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

var errNotForClients = errors.New("the certificate is not for clients, or has expired")

// AuthenticateCertificate returns the client that has registered a name of the certificate (RFC 8705 §2.1). The door has
// verified who signed it. If id is not empty, it is the client that the caller says it is (RFC 8705 §2): only that one will
// do, and a public client needs no certificate. As with Authenticate, it is refused on positive knowledge only.
func (d *Directory) AuthenticateCertificate(ctx context.Context, id string, c *x509.Certificate) (client.Client, error) {
	// A connection may outlive the certificate that it was made with.
	now := d.now()
	if now.Before(c.NotBefore) || now.After(c.NotAfter) || !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		client, err := d.Authenticate(ctx, id, "") // as without it
		if errors.Is(err, oauth.InvalidClient) {
			err = oauth.Refused(oauth.InvalidClient, errNotForClients)
		}
		return client, err
	}
	sans := client.CertSANs(c)
	return d.certain(ctx, func(s *snapshot) (*client.Client, bool) {
		named := id
		if named == "" {
			named = s.holder(sans)
		}
		cl, ok := s.clients[named]
		return cl, ok && cl.DisabledAt.IsZero() && (cl.Public || hasSAN(cl, sans))
	})
}

// holder returns the one client that has names among these; empty if there is none, or more than one.
func (s *snapshot) holder(sans []string) (id string) {
	for _, san := range sans {
		switch holder, ok := s.holders[san]; {
		case !ok:
		case id != "" && holder != id, holder == "":
			return ""
		default:
			id = holder
		}
	}
	return id
}

func hasSAN(c *client.Client, sans []string) bool {
	return slices.ContainsFunc(c.CertSANs, func(san string) bool { return slices.Contains(sans, san) })
}

// holders returns the clients by the names of their certificates. Whoever registers a client sees to it that no two have
// one; should two have, neither is known by it alone.
func holders(clients []client.Client) map[string]string {
	ids := make(map[string]string)
	for _, client := range clients {
		for _, san := range client.CertSANs {
			if other, ok := ids[san]; ok && other != client.ID {
				ids[san] = ""
				continue
			}
			ids[san] = client.ID
		}
	}
	return ids
}
