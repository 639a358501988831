package client

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/signetd/signet/internal/oauth"
)

var (
	errBasic   = errors.New("the Authorization header is missing or malformed")
	errNamesID = oauth.Fail(oauth.InvalidRequest, "The client_id is not that of the Authorization header.")
)

// AuthenticateBasic returns the client that an Authorization header of the
// scheme Basic authenticates (RFC 6749 §2.3.1). header has the values of the
// header. Without a secret, the certificate of the connection authenticates the
// client, as with AuthenticateCertificate; cert is nil if there is none. Then
// byCertificate is true. It is false for a public client, which needs neither.
//
// The header may have several readings; see oauth.ParseBasic. The client is
// that of the first reading with valid credentials. All are tried on one
// snapshot. named is the client_id parameter, or empty. Only readings with that
// id count, and if there is none, the error is invalid_request.
//
// In every other case the error is invalid_client. Like Authenticate,
// AuthenticateBasic reads the clients again before it refuses a client.
func (r *Registry) AuthenticateBasic(
	ctx context.Context, header []string, named string, cert *x509.Certificate,
) (c Client, byCertificate bool, err error) {
	readings, claimed := oauth.ParseBasic(header)
	if len(readings) == 0 {
		return Client{}, false, oauth.RefusedClient("", claimed, errBasic)
	}
	if named != "" {
		readings = slices.DeleteFunc(readings, func(x oauth.Credentials) bool { return x.ID != named })
		if len(readings) == 0 {
			return Client{}, false, errNamesID
		}
	}

	var presented *certificate
	if cert != nil {
		presented = readCertificate(cert, r.Now())
	}
	c, err = find(ctx, r, func(s *Snapshot) (*Client, error) {
		found, method, err := s.byReadings(readings, claimed, presented)
		byCertificate = err == nil && method == methodCertificate && !found.Public
		return found, err
	})
	return c, byCertificate, err
}

// byReadings returns the client of the first reading with valid credentials.
// The error is about the reading whose id is that of a client, if there is one.
// Otherwise its id is claimed: that of another reading may have a part of the
// secret.
func (s *Snapshot) byReadings(
	readings []oauth.Credentials, claimed string, cert *certificate,
) (*Client, string, error) {
	for _, x := range readings {
		if c, method, err := s.byCredentials(x, cert); err == nil {
			return c, method, nil
		}
	}

	x := readings[0]
	known := func(x oauth.Credentials) bool { return s.clients[x.ID] != nil }
	if n := slices.IndexFunc(readings, known); n >= 0 {
		x = readings[n]
		claimed = x.ID
	}
	_, method, err := s.byCredentials(x, cert)
	return nil, "", oauth.RefusedClient(method, claimed, err)
}
