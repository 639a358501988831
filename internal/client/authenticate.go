package client

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// The names of the methods by which a client authenticates, for the log
// (RFC 7591 §2, OpenID Connect Core §9).
const (
	methodSecret      = "client_secret"
	methodAssertion   = "private_key_jwt"
	methodCertificate = "tls_client_auth"
	methodNone        = "none"
)

// The reasons why the registry refuses a client, for the log.
var (
	errUnknown       = errors.New("there is no client of that id")
	errDisabled      = errors.New("the client is disabled")
	errSecret        = errors.New("the secret is not one of the client's secrets")
	errNotPublic     = errors.New("the request has no credentials, and the client is not public")
	errPublic        = errors.New("the request has a secret, but the client is public")
	errCertificate   = errors.New("the certificate has expired or is not for client authentication")
	errNames         = errors.New("the client has registered no name of the certificate")
	errNoOwner       = errors.New("no client has registered a name of the certificate")
	errSeveralOwners = errors.New("several clients have registered names of the certificate")
)

// Authenticate returns the client of that id if the secret is one of its
// current ones. A public client has the empty secret (RFC 6749 §2.3.1). In
// every other case the error is invalid_client. Before the registry refuses a
// client, it reads the clients again; see Recheck.
func (r *Registry) Authenticate(ctx context.Context, id, secret string) (Client, error) {
	x := oauth.Credentials{ID: id, Secret: secret}
	return find(ctx, r, func(s *Snapshot) (*Client, error) {
		c, method, err := s.byCredentials(x, nil)
		return c, refusal(method, id, err)
	})
}

// AuthenticateCertificate returns the client that has registered a name in the
// certificate (RFC 8705 §2.1). The caller has verified the certificate's chain.
// If id is not empty, only the client of that id is accepted (RFC 8705 §2), and
// a public client of that id needs no certificate. Like Authenticate, it reads
// the clients again before it refuses a client.
func (r *Registry) AuthenticateCertificate(ctx context.Context, id string, c *x509.Certificate) (Client, error) {
	cert := readCertificate(c, r.Now())
	claimed := cmp.Or(id, strings.Join(cert.sans, " "))
	return find(ctx, r, func(s *Snapshot) (*Client, error) {
		c, err := s.byCertificate(id, *cert)
		return c, refusal(methodCertificate, claimed, err)
	})
}

// find returns the client that match finds in the snapshot, or in a snapshot
// that the store has confirmed since the call.
func find(ctx context.Context, r *Registry, match func(*Snapshot) (*Client, error)) (Client, error) {
	s, err := r.Snapshot()
	if err != nil {
		return Client{}, err
	}
	if c, err := match(s); err == nil {
		return *c, nil
	}

	if s, err = r.Recheck(ctx); err != nil {
		return Client{}, err
	}
	c, err := match(s)
	if err != nil {
		return Client{}, err
	}
	return *c, nil
}

// refusal returns the error for a client that the registry refuses, or nil if
// cause is nil; see oauth.RefusedClient.
func refusal(method, claimed string, cause error) error {
	if cause == nil {
		return nil
	}
	return oauth.RefusedClient(method, claimed, cause)
}

// enabled returns the client of that id. It returns an error if there is none
// or if it is disabled.
func (s *Snapshot) enabled(id string) (*Client, error) {
	c, ok := s.clients[id]
	switch {
	case !ok:
		return nil, errUnknown
	case !c.DisabledAt.IsZero():
		return nil, errDisabled
	}
	return c, nil
}

// bySecret returns the enabled client of that id if the secret matches.
func (s *Snapshot) bySecret(id, secret string) (*Client, error) {
	c, err := s.enabled(id)
	switch {
	case err != nil:
		return nil, err
	case c.Public && secret != "":
		return nil, errPublic
	case !c.Public && secret == "":
		return nil, errNotPublic
	case !c.Public && !c.SecretMatches(secret):
		return nil, errSecret
	}
	return c, nil
}

// byCredentials returns the enabled client of the id if the secret matches. If
// there is no secret, it uses the certificate, which may be nil. method is the
// method that it has used.
func (s *Snapshot) byCredentials(x oauth.Credentials, cert *certificate) (c *Client, method string, err error) {
	switch {
	case x.Secret != "":
		c, err = s.bySecret(x.ID, x.Secret)
		return c, methodSecret, err
	case cert != nil:
		c, err = s.byCertificate(x.ID, *cert)
		return c, methodCertificate, err
	}
	c, err = s.bySecret(x.ID, "")
	return c, methodNone, err
}

// A certificate is what a client certificate tells about its client.
type certificate struct {
	sans []string
	// usable is true if the certificate is for client authentication now. It
	// may expire while its connection is open.
	usable bool
}

func readCertificate(c *x509.Certificate, now time.Time) *certificate {
	return &certificate{
		sans: CertSANs(c),
		usable: !now.Before(c.NotBefore) && !now.After(c.NotAfter) &&
			slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth),
	}
}

// byCertificate returns the enabled client that has registered one of the names
// of the certificate. An empty id accepts any client. A public client of the id
// needs no certificate.
func (s *Snapshot) byCertificate(id string, cert certificate) (*Client, error) {
	if id == "" && cert.usable {
		var err error
		if id, err = s.ownerOf(cert.sans); err != nil {
			return nil, err
		}
	}
	c, err := s.enabled(id)
	registered := func(san string) bool { return slices.Contains(cert.sans, san) }
	switch {
	case err == nil && c.Public:
		return c, nil
	case !cert.usable:
		return nil, errCertificate
	case err != nil:
		return nil, err
	case !slices.ContainsFunc(c.CertSANs, registered):
		return nil, errNames
	}
	return c, nil
}

// ownerOf returns the id of the only client that has registered any of the
// names. It returns an error if there is none, or more than one.
func (s *Snapshot) ownerOf(sans []string) (id string, err error) {
	for _, san := range sans {
		switch owner, ok := s.bySAN[san]; {
		case !ok:
		case id != "" && owner != id, owner == "":
			return "", errSeveralOwners
		default:
			id = owner
		}
	}
	if id == "" {
		return "", errNoOwner
	}
	return id, nil
}
