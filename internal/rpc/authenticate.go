package rpc

import (
	"context"
	"crypto/x509"
	"errors"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

var errCredentials = errors.New("the authorization metadata is missing or malformed")

// authenticateClient returns the client that makes the call.
//
// The authorization metadata selects the method. An id and a secret are
// compared with the client's secrets. An id alone needs a client certificate
// that the client of that id has registered; a public client needs none. A call
// without the metadata needs a client certificate.
//
// byCertificate is true if the certificate has authenticated the client. It is
// false for a public client. Missing, malformed and invalid credentials are the
// same invalid_client.
func authenticateClient(
	ctx context.Context, registry *client.Registry,
) (c client.Client, byCertificate bool, err error) {
	values, certificate := metadata.ValueFromIncomingContext(ctx, "authorization"), certificateOf(ctx)
	if len(values) == 0 && certificate != nil {
		c, err = registry.AuthenticateCertificate(ctx, "", certificate)
		return c, true, err
	}

	id, secret, ok := oauth.ParseBasic(values)
	switch {
	case !ok:
		return client.Client{}, false, oauth.RefusedClient("", id, errCredentials)
	case secret == "" && certificate != nil:
		c, err = registry.AuthenticateCertificate(ctx, id, certificate)
		return c, !c.Public, err
	}
	c, err = registry.Authenticate(ctx, id, secret)
	return c, false, err
}

// certificateOf returns the verified client certificate of the call's
// connection, or nil.
func certificateOf(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	conn, _ := p.AuthInfo.(connInfo)
	info, ok := conn.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return nil
	}
	return info.State.VerifiedChains[0][0]
}
