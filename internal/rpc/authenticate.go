package rpc

import (
	"context"
	"crypto/x509"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/signetd/signet/internal/client"
)

// authenticateClient returns the client that makes the call.
//
// The authorization metadata selects the method, see
// client.Registry.AuthenticateBasic. A call without the metadata needs a client
// certificate.
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
	return registry.AuthenticateBasic(ctx, values, "", certificate)
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
