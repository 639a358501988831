package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/revocation"
)

// Claims are the claims of a valid access token (RFC 9068 §2.2).
type Claims struct {
	// Subject is the user, or the client if the token is for no user.
	Subject  string
	ClientID string
	// Audience are all audiences of the token. That of the Verifier is one
	// of them.
	Audience []string
	// Scope is sorted.
	Scope []string
	// SessionID is the sid claim: the grant of the token. It is empty for a
	// token that does not belong to a login.
	SessionID string
	// ID is the jti claim.
	ID        string
	IssuedAt  time.Time
	ExpiresAt time.Time
	// AuthTime is when the user logged in. It is zero for a token without a
	// login.
	AuthTime time.Time
	// ACR and AMR say how the user logged in. They are empty for a token
	// without a login.
	ACR string
	AMR []string
	// Unchecked is true if the policy is FailOpen and the revocations are
	// older than it allows: the token may be revoked.
	Unchecked bool

	extra jws.Object
	marks revocation.Claims
}

// newClaims returns the claims of a token under the key with this kid.
func newClaims(from jws.AccessClaims, kid string) *Claims {
	c := &Claims{
		Subject: from.Subject, ClientID: from.ClientID, Audience: from.Audience, Scope: from.Scope,
		SessionID: from.GrantID, ID: from.ID,
		IssuedAt: time.Unix(from.IssuedAt, 0), ExpiresAt: time.Unix(from.ExpiresAt, 0),
		ACR: from.ACR, AMR: from.AMR, extra: from.Extra,
	}
	if from.AuthTime != 0 {
		c.AuthTime = time.Unix(from.AuthTime, 0)
	}
	c.marks = revocation.Claims{
		GrantID: from.GrantID, TokenID: from.ID, KeyID: kid, Subject: from.Subject, ClientID: from.ClientID,
		Audience: from.Audience, Issuer: from.Issuer, MintedAt: revocation.MintedAt(from.ID, c.IssuedAt),
	}
	return c
}

// Has reports whether the token has all these scope values.
func (c *Claims) Has(scope ...string) bool {
	for _, value := range scope {
		if !slices.Contains(c.Scope, value) {
			return false
		}
	}
	return true
}

// Extra decodes a claim that is not among the fields, as json.Unmarshal does.
// It reports whether the token has the claim.
func (c *Claims) Extra(name string, into any) (bool, error) {
	value, ok := c.extra.Get(name)
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal([]byte(value), into); err != nil {
		return true, fmt.Errorf("decode the claim %q: %w", name, err)
	}
	return true, nil
}
