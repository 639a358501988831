package rpc

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// maxCredentials bounds the authorization metadata, in bytes.
const maxCredentials = 2 << 10

var errCredentials = errors.New("the authorization metadata is missing or malformed")

// authenticate returns the client that makes the call. Whoever says nothing, something malformed or something wrong gets the
// same invalid_client.
func authenticate(ctx context.Context, directory *issuer.Directory) (oauth.Client, error) {
	id, secret, ok := basic(metadata.ValueFromIncomingContext(ctx, "authorization"))
	if !ok {
		return oauth.Client{}, oauth.Refused(oauth.InvalidClient, errCredentials)
	}
	return directory.Authenticate(ctx, id, secret)
}

// basic reads the one value that the authorization metadata must have: `Basic base64(id:secret)`, id and secret form-encoded
// (RFC 6749 §2.3.1, RFC 7617). The base64 must be the one way to write what it says.
func basic(values []string) (id, secret string, ok bool) {
	if len(values) != 1 || len(values[0]) > maxCredentials {
		return "", "", false
	}
	scheme, encoded, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	pair, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || base64.StdEncoding.EncodeToString(pair) != encoded {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(pair), ":")
	if !ok {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	return id, secret, err1 == nil && err2 == nil && oauth.ValidClientID(id)
}
