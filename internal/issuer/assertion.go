package issuer

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// assertionMargin is for how long an assertion is remembered after it has expired: more than the servers' clocks differ.
const assertionMargin = time.Minute

var errUsed = errors.New("the assertion has been used before")

// AuthenticateAssertion returns the client that proves itself by a JWT that one of its keys has signed (RFC 7523 §2.2). The
// assertion is for us, by our identifier or the URL of the endpoint (§3), and good once. named is the client_id beside it,
// if there is one. Everybody else is invalid_client, which is said only on positive knowledge, as by Directory.Authenticate.
func (i *Issuer) AuthenticateAssertion(ctx context.Context, named, assertion, endpoint string) (client.Client, error) {
	s, err := i.directory.fresh()
	if err != nil {
		return client.Client{}, err
	}
	audience := []string{i.identifier, endpoint}
	a, err := token.ReadAssertion(assertion, audience, s.clientKey, i.now())
	if err != nil { // the key may be new
		if s, err = i.directory.recent(ctx); err != nil {
			return client.Client{}, err
		}
		a, err = token.ReadAssertion(assertion, audience, s.clientKey, i.now())
	}
	if err == nil && named != "" && named != a.ClientID { // RFC 7521 §4.2
		err = errors.New("the client_id is not that of the assertion")
	}
	if err != nil {
		return client.Client{}, oauth.Refused(oauth.InvalidClient, err)
	}
	id := sha256.Sum256([]byte(a.ID))
	err = i.store.UseAssertion(ctx, a.ClientID, id[:], a.ExpiresAt.Add(assertionMargin))
	if errors.Is(err, oauth.AlreadyExists) {
		return client.Client{}, oauth.Refused(oauth.InvalidClient, errUsed)
	} else if err != nil {
		return client.Client{}, oauth.FromStore(err)
	}
	return *s.clients[a.ClientID], nil // whose key was just found
}

// clientKey returns the key of a client that is enabled. Without a kid it is the client's only one.
func (s *snapshot) clientKey(clientID, kid string) (algorithm string, key crypto.PublicKey, ok bool) {
	c, ok := s.clients[clientID]
	if !ok || !c.DisabledAt.IsZero() {
		return "", nil, false
	}
	for _, k := range c.Keys {
		if k.ID == kid || kid == "" && len(c.Keys) == 1 {
			key, err := x509.ParsePKIXPublicKey(k.Public)
			return k.Algorithm, key, err == nil
		}
	}
	return "", nil, false
}
