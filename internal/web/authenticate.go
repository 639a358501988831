package web

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

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
	// bearer returns the client that an access token authenticates. Nil means
	// that the endpoint accepts no access token from a client.
	bearer func(ctx context.Context, token string) (client.Client, error)
}

// authenticate returns the client that sends the request. The request must use
// one method only. A client_id in the form must be the id of that client.
func (a authenticator) authenticate(ctx context.Context, r *http.Request, f form) (client.Client, error) {
	id, secret := f.get("client_id"), f.get("client_secret")
	header := len(r.Header.Values("Authorization")) > 0
	token, isBearer := bearerOf(r)
	assertion := f.get("client_assertion") != "" || f.get("client_assertion_type") != ""
	switch {
	case header && (secret != "" || assertion), secret != "" && assertion:
		return client.Client{}, errMultipleMethods
	case isBearer && a.bearer != nil:
		return a.byBearer(ctx, token, id)
	case header:
		c, _, err := a.registry.AuthenticateBasic(ctx, r.Header.Values("Authorization"), id, verifiedCertificate(r))
		return c, err
	case assertion:
		return a.byAssertion(ctx, f, id)
	}
	return a.bySecret(ctx, r, id, secret)
}

// bearerOf returns the access token of an Authorization header, and whether the
// header has the scheme Bearer (RFC 6750 §2.1).
func bearerOf(r *http.Request) (token string, ok bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	return token, strings.EqualFold(scheme, bearer)
}

// byBearer authenticates with an access token of the client. formID is the
// client_id of the form, if any.
func (a authenticator) byBearer(ctx context.Context, token, formID string) (client.Client, error) {
	c, err := a.bearer(ctx, token)
	switch {
	case errors.Is(err, oauth.InvalidClient):
		return client.Client{}, oauth.Wrap(
			InvalidToken, "The access token does not authenticate a client.", oauth.AsError(err).Cause,
		)
	case err != nil:
		return client.Client{}, err
	case formID != "" && formID != c.ID:
		return client.Client{}, malformed("The client_id is not that of the access token.")
	}
	return c, nil
}

// challenges returns the WWW-Authenticate headers for a request without valid
// credentials.
func (a authenticator) challenges() []string {
	if a.bearer != nil {
		return []string{challenge, bearerChallenge}
	}
	return []string{challenge}
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
