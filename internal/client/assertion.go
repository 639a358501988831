package client

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// assertionMargin is how long the store keeps a used assertion after it has
// expired. It must be more than the difference between what two servers know of
// the store's clock.
const assertionMargin = time.Minute

var (
	errAssertionUsed   = errors.New("the assertion has been used before")
	errAssertionClient = errors.New("the client_id is not the subject of the assertion")
	errKid             = errors.New("the client has no key of that kid")
	errNoKid           = errors.New("the assertion has no kid, and the client does not have exactly one key")
)

// AuthenticateAssertion returns the client whose key has signed the assertion,
// a JWT (RFC 7523 §2.2). The audience of the assertion is the issuer identifier
// or the URL of the endpoint (RFC 7523 §3). An assertion is valid once. named
// is the client_id parameter; it is empty if the request has none. In every
// other case the error is invalid_client. Like Authenticate, it reads the
// clients again before it refuses a client.
func (r *Registry) AuthenticateAssertion(ctx context.Context, named, assertion, endpoint string) (Client, error) {
	s, err := r.Snapshot()
	if err != nil {
		return Client{}, err
	}
	audience := []string{r.o.Issuer, endpoint}
	a, err := token.VerifyAssertion(assertion, audience, s.publicKey, r.Now())
	if err != nil { // the key may be new
		if s, err = r.Recheck(ctx); err != nil {
			return Client{}, err
		}
		a, err = token.VerifyAssertion(assertion, audience, s.publicKey, r.Now())
	}
	if err == nil && named != "" && named != a.ClientID { // RFC 7521 §4.2
		err = errAssertionClient
	}
	claimed := cmp.Or(a.ClientID, named)
	if err != nil {
		return Client{}, oauth.RefusedClient(methodAssertion, claimed, err)
	}

	id := sha256.Sum256([]byte(a.ID))
	err = r.o.Store.UseAssertion(ctx, a.ClientID, id[:], a.ExpiresAt.Add(assertionMargin))
	if errors.Is(err, oauth.AlreadyExists) {
		return Client{}, oauth.RefusedClient(methodAssertion, claimed, errAssertionUsed)
	} else if err != nil {
		return Client{}, oauth.FromStore(err)
	}
	return *s.clients[a.ClientID], nil // publicKey has found it in s
}

// publicKey returns the key of that kid of an enabled client. If kid is empty,
// it returns the client's only key.
func (s *Snapshot) publicKey(clientID, kid string) (algorithm string, key crypto.PublicKey, err error) {
	c, err := s.enabled(clientID)
	if err != nil {
		return "", nil, err
	}
	for _, k := range c.Keys {
		if k.ID == kid || kid == "" && len(c.Keys) == 1 {
			key, err := x509.ParsePKIXPublicKey(k.Public)
			return k.Algorithm, key, err
		}
	}
	if kid == "" {
		return "", nil, errNoKid
	}
	return "", nil, errKid
}
