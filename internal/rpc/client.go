package rpc

import (
	"context"
	"crypto/x509"
	"errors"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

var errCredentials = errors.New("the authorization metadata is missing or malformed")

// authenticate returns the client that makes the call. Whoever says nothing, something malformed or something wrong gets the
// same invalid_client. What the metadata says decides: a secret is held against the client's own, and an id without one
// against the certificate of the connection, which alone is enough where there is no metadata. certified says that it was the
// certificate; a public client proves nothing by one.
func authenticate(ctx context.Context, directory *issuer.Directory) (c client.Client, certified bool, err error) {
	values, certificate := metadata.ValueFromIncomingContext(ctx, "authorization"), certificateOf(ctx)
	if len(values) == 0 && certificate != nil {
		c, err = directory.AuthenticateCertificate(ctx, "", certificate)
		return c, true, err
	}
	id, secret, ok := oauth.ParseBasic(values)
	switch {
	case !ok:
		return client.Client{}, false, oauth.Refused(oauth.InvalidClient, errCredentials)
	case secret == "" && certificate != nil:
		c, err = directory.AuthenticateCertificate(ctx, id, certificate)
		return c, !c.Public, err
	}
	c, err = directory.Authenticate(ctx, id, secret)
	return c, false, err
}

// certificateOf returns the client certificate of the call's connection, if it has one that was verified.
func certificateOf(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	secure, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(secure.State.VerifiedChains) == 0 {
		return nil
	}
	return secure.State.VerifiedChains[0][0]
}
