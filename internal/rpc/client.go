package rpc

import (
	"context"
	"errors"

	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

var errCredentials = errors.New("the authorization metadata is missing or malformed")

// authenticate returns the client that makes the call. Whoever says nothing, something malformed or something wrong gets the
// same invalid_client.
func authenticate(ctx context.Context, directory *issuer.Directory) (oauth.Client, error) {
	id, secret, ok := oauth.ParseBasic(metadata.ValueFromIncomingContext(ctx, "authorization"))
	if !ok {
		return oauth.Client{}, oauth.Refused(oauth.InvalidClient, errCredentials)
	}
	return directory.Authenticate(ctx, id, secret)
}
