package web

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// assertionType is the one kind of client assertion that is taken (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// certificateMethod is the way to authenticate by a certificate (RFC 8705 §2.1).
const certificateMethod = "tls_client_auth"

// The other ways to authenticate (RFC 7591 §2, OpenID Connect Core §9), and what signs the assertions of the third.
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
func (e *endpoints) authenticate(ctx context.Context, r *http.Request, f form) (client.Client, error) {
	id, secret := f.get("client_id"), f.get("client_secret")
	header := len(r.Header.Values("Authorization")) > 0
	asserted := f.get("client_assertion") != "" || f.get("client_assertion_type") != ""
	switch {
	case header && (secret != "" || asserted), secret != "" && asserted:
		return client.Client{}, errTwoWays
	case header:
		return e.byHeader(ctx, r, id)
	case asserted:
		return e.byAssertion(ctx, f, id)
	}
	return e.bySecret(ctx, r, id, secret)
}

// byHeader is client_secret_basic.
func (e *endpoints) byHeader(ctx context.Context, r *http.Request, named string) (client.Client, error) {
	id, secret, ok := oauth.ParseBasic(r.Header.Values("Authorization"))
	switch {
	case !ok:
		return client.Client{}, oauth.Refused(oauth.InvalidClient, errCredentials)
	case named != "" && named != id:
		return client.Client{}, malformed("The client_id is not that of the Authorization header.")
	}
	return e.bySecret(ctx, r, id, secret)
}

// bySecret holds a secret against the client's own. Without one the certificate of the connection says who calls, or
// confirms it (tls_client_auth, RFC 8705 §2.1.1); a public client has neither.
func (e *endpoints) bySecret(ctx context.Context, r *http.Request, id, secret string) (client.Client, error) {
	certificate := certificateOf(r)
	switch {
	case secret == "" && certificate != nil && (id == "" || oauth.ValidClientID(id)):
		return e.directory.AuthenticateCertificate(ctx, id, certificate)
	case !oauth.ValidClientID(id):
		return client.Client{}, oauth.Refused(oauth.InvalidClient, errNobody)
	}
	return e.directory.Authenticate(ctx, id, secret)
}

// certificateOf returns the client certificate of a connection, if it has one that was verified.
func certificateOf(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// byAssertion is private_key_jwt.
func (e *endpoints) byAssertion(ctx context.Context, f form, named string) (client.Client, error) {
	assertion, err := f.required("client_assertion")
	if err != nil {
		return client.Client{}, err
	}
	if f.get("client_assertion_type") != assertionType {
		return client.Client{}, malformed("The client_assertion_type must be " + assertionType + ".")
	}
	return e.issuer.AuthenticateAssertion(ctx, named, assertion, e.tokenURL)
}
