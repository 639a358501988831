package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/signetd/signet/internal/oauth"
)

// assertionType is the one kind of client assertion that is taken (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The ways to authenticate (RFC 7591 §2, OpenID Connect Core §9), and what signs the assertions of the third.
var (
	clientMethods       = []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	assertionAlgorithms = []string{"RS256", "ES256", "EdDSA", "Ed25519"}
)

var (
	errCredentials = errors.New("the authorization header is malformed")
	errNobody      = errors.New("the request names no client")
	errTwoWays     = malformed("A client authenticates in one way only.")
)

// authenticate returns the client that makes the request (RFC 6749 §2.3). It must use one way only, and what its other
// parameters say of the client must agree.
func (e *endpoints) authenticate(ctx context.Context, r *http.Request, f form) (oauth.Client, error) {
	id, secret := f.get("client_id"), f.get("client_secret")
	header := r.Header.Values("Authorization")
	asserted := f.get("client_assertion") != "" || f.get("client_assertion_type") != ""
	switch {
	case len(header) > 0 && (secret != "" || asserted), secret != "" && asserted:
		return oauth.Client{}, errTwoWays
	case len(header) > 0:
		return e.byHeader(ctx, header, id)
	case asserted:
		return e.byAssertion(ctx, f, id)
	case !oauth.ValidClientID(id):
		return oauth.Client{}, oauth.Refused(oauth.InvalidClient, errNobody)
	}
	return e.directory.Authenticate(ctx, id, secret) // a public client has no secret
}

// byHeader is client_secret_basic.
func (e *endpoints) byHeader(ctx context.Context, header []string, named string) (oauth.Client, error) {
	id, secret, ok := oauth.ParseBasic(header)
	switch {
	case !ok:
		return oauth.Client{}, oauth.Refused(oauth.InvalidClient, errCredentials)
	case named != "" && named != id:
		return oauth.Client{}, malformed("The client_id is not that of the Authorization header.")
	}
	return e.directory.Authenticate(ctx, id, secret)
}

// byAssertion is private_key_jwt.
func (e *endpoints) byAssertion(ctx context.Context, f form, named string) (oauth.Client, error) {
	assertion, err := f.required("client_assertion")
	if err != nil {
		return oauth.Client{}, err
	}
	if f.get("client_assertion_type") != assertionType {
		return oauth.Client{}, malformed("The client_assertion_type must be " + assertionType + ".")
	}
	return e.issuer.AuthenticateAssertion(ctx, named, assertion, e.tokenURL)
}
