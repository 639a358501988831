package web

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// assertionType is the only client_assertion_type (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// certificateMethod is client authentication by certificate (RFC 8705 §2.1).
const certificateMethod = "tls_client_auth"

var (
	// clientMethods are the other methods of client authentication
	// (RFC 7591 §2, OpenID Connect Core §9).
	clientMethods = []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	// assertionAlgorithms are the algorithms of private_key_jwt.
	assertionAlgorithms = []string{"RS256", "ES256", "EdDSA", "Ed25519"}
)

var (
	errNoClient        = errors.New("the request has no valid client_id")
	errMultipleMethods = malformed("A client must use only one authentication method.")
)

// An authenticator authenticates clients (RFC 6749 §2.3).
type authenticator struct {
	registry *client.Registry
	// tokenURL is the public URL of the token endpoint. A client assertion may
	// have it as its audience.
	tokenURL string
}

// authenticate returns the client that sends the request. The request must use
// one method only. A client_id in the form must be the id of that client.
func (a authenticator) authenticate(ctx context.Context, r *http.Request, f form) (client.Client, error) {
	id, secret := f.get("client_id"), f.get("client_secret")
	header := len(r.Header.Values("Authorization")) > 0
	assertion := f.get("client_assertion") != "" || f.get("client_assertion_type") != ""
	switch {
	case header && (secret != "" || assertion), secret != "" && assertion:
		return client.Client{}, errMultipleMethods
	case header:
		c, _, err := a.registry.AuthenticateBasic(ctx, r.Header.Values("Authorization"), id, verifiedCertificate(r))
		return c, err
	case assertion:
		return a.byAssertion(ctx, f, id)
	}
	return a.bySecret(ctx, r, id, secret)
}

// bySecret authenticates with a client secret. Without a secret, it uses the
// certificate of the connection (tls_client_auth, RFC 8705 §2.1.1). An id is
// then optional, but must be the id of the certificate's client. A public
// client has neither a secret nor a certificate.
func (a authenticator) bySecret(ctx context.Context, r *http.Request, id, secret string) (client.Client, error) {
	certificate := verifiedCertificate(r)
	switch {
	case secret == "" && certificate != nil && (id == "" || oauth.ValidClientID(id)):
		return a.registry.AuthenticateCertificate(ctx, id, certificate)
	case !oauth.ValidClientID(id):
		return client.Client{}, oauth.RefusedClient("", id, errNoClient)
	}
	return a.registry.Authenticate(ctx, id, secret)
}

// verifiedCertificate returns the client certificate of the connection, or nil
// if there is none that the server has verified.
func verifiedCertificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// byAssertion authenticates with private_key_jwt. formID is the client_id of
// the form, if any.
func (a authenticator) byAssertion(ctx context.Context, f form, formID string) (client.Client, error) {
	assertion, err := f.required("client_assertion")
	if err != nil {
		return client.Client{}, err
	}
	if f.get("client_assertion_type") != assertionType {
		return client.Client{}, malformed("The client_assertion_type must be " + assertionType + ".")
	}
	return a.registry.AuthenticateAssertion(ctx, formID, assertion, a.tokenURL)
}
