package token

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
)

// accessType is the typ header of an access token.
const accessType = jws.AccessType

// Access is the claims of an access token (RFC 9068 §2.2). The token has times
// in whole seconds.
type Access struct {
	Issuer   string
	Subject  string
	Audience []string
	ClientID string
	// Scope is omitted from the token if it is empty.
	Scope     oauth.Scope
	IssuedAt  time.Time
	ExpiresAt time.Time
	// AuthTime is when the user authenticated. It is zero for a token without a
	// user.
	AuthTime time.Time
	// ID is the jti claim; see revocation.NewTokenID.
	ID string
	// KeyID is the kid of the header, which the signature covers. VerifyAccess
	// sets it. SignAccess uses the kid of its key instead.
	KeyID string
	// ACR and AMR describe how the user authenticated (RFC 9068 §2.2.1). They
	// are empty for a token without a user.
	ACR string
	AMR []string
	// GrantID is the sid claim, in the format of oauth.GrantID.String. It is
	// empty for a token without a grant.
	GrantID string
	// Claims are the extra claims. oauth.ValidClaimName decides which names are
	// allowed. VerifyAccess returns numbers as json.Number.
	Claims map[string]any
}

// check returns an error if a standard claim is missing or malformed.
func (a Access) check() error {
	c := jws.AccessClaims{
		Issuer: a.Issuer, Subject: a.Subject, Audience: a.Audience, ClientID: a.ClientID, Scope: a.Scope,
		IssuedAt: a.IssuedAt.Unix(), ExpiresAt: a.ExpiresAt.Unix(), ID: a.ID,
		ACR: a.ACR, AMR: a.AMR, GrantID: a.GrantID,
	}
	if !a.AuthTime.IsZero() && a.AuthTime.Unix() <= 0 {
		return errors.New("auth_time is malformed")
	}
	if !a.AuthTime.IsZero() {
		c.AuthTime = a.AuthTime.Unix()
	}
	return c.Check()
}

// newAccess returns the Access with these claims.
func newAccess(c jws.AccessClaims) (Access, error) {
	a := Access{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ClientID: c.ClientID, Scope: c.Scope,
		IssuedAt: numericDate(c.IssuedAt), ExpiresAt: numericDate(c.ExpiresAt), AuthTime: numericDate(c.AuthTime),
		ID: c.ID, ACR: c.ACR, AMR: c.AMR, GrantID: c.GrantID,
	}
	for _, m := range c.Extra {
		decoder := json.NewDecoder(strings.NewReader(string(m.Value)))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return Access{}, invalid("malformed claim")
		}
		if a.Claims == nil {
			a.Claims = map[string]any{}
		}
		a.Claims[m.Name] = value
	}
	return a, nil
}

// numericDate returns the time of a NumericDate (RFC 7519 §2), or the zero time
// for a claim that is missing.
func numericDate(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
