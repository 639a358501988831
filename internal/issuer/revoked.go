package issuer

import (
	"errors"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
)

// ErrRevoked is the cause of the error for a token that the revocation log
// refuses.
var ErrRevoked = errors.New("an entry of the revocation log refuses the token")

// revocations refuses tokens by the entries of the revocation log that this
// server has read. Verifiers refuse the same tokens.
type revocations struct{ table *revocation.Table }

// newRevocations returns the revocations of a table. nil means an empty table.
func newRevocations(t *revocation.Table) revocations {
	if t == nil {
		t = new(revocation.Table)
	}
	return revocations{t}
}

// check returns invalid_grant if an entry refuses the access token. The
// signature of the token is valid.
func (r revocations) check(a token.Access) error {
	if r.refuse(a) {
		return oauth.Refused(oauth.InvalidGrant, ErrRevoked)
	}
	return nil
}

// refuse reports whether an entry refuses the access token.
func (r revocations) refuse(a token.Access) bool {
	return r.table.Refuses(revocationClaims(a)) != 0
}

// revocationClaims returns the claims of an access token that entries can
// concern.
func revocationClaims(a token.Access) revocation.Claims {
	return revocation.Claims{
		GrantID: a.GrantID, TokenID: a.ID, KeyID: a.KeyID, Subject: a.Subject, ClientID: a.ClientID,
		Audience: a.Audience, Issuer: a.Issuer, MintedAt: revocation.MintedAt(a.ID, a.IssuedAt),
	}
}

// checkGrant returns invalid_grant if an entry refuses all tokens of the grant.
func (r revocations) checkGrant(id oauth.GrantID) error {
	if _, refused := r.table.Get(revocation.Grant.Hash(id.String())); refused {
		return oauth.Refused(oauth.InvalidGrant, ErrRevoked)
	}
	return nil
}
