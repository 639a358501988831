package issuer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
)

var errOtherAudience = errors.New("the access token is for another audience")

// A SessionAccess is an access token of a session whose browser has no tokens.
// It is immutable.
type SessionAccess struct {
	// Authorization is the header of a request with the token (RFC 6750 §2.1).
	Authorization string

	claims          revocation.Claims
	algorithm       string
	issued, expires time.Time
	// version is the version of the clients and audiences.
	version int64
	// made is when the token was signed, by the monotonic clock.
	made time.Time
}

// SessionToken signs an access token of the grant for one of its audiences.
// minted is the moment of the token: the store's time before the grant was
// read; see grant.Grant.RefreshMoment.
//
// SessionToken returns temporarily_unavailable, which wraps ErrRevoked, if an
// entry of the revocation log refuses the new token. Then the grant has ended
// since it was read, or a user, a client or an audience was disabled and
// enabled again within a few seconds.
func (i *Issuer) SessionToken(
	ctx context.Context, at *client.Snapshot, c client.Client, g grant.Grant, audience string, minted time.Time,
) (*SessionAccess, error) {
	target, err := i.refreshTarget(at, c, g, nil, []string{audience})
	if err != nil {
		return nil, err
	}
	claims, err := i.subjects.claims(ctx, g, target.Claims)
	if err != nil {
		return nil, err
	}

	var signing place
	defer signing.release()
	if err := signing.take(ctx, i.keys, target.Algorithm); err != nil {
		return nil, err
	}
	key, err := i.keys.Signer(target.Algorithm)
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	access := i.signer.access(g, accessPlan{target, claims, minted})
	access.KeyID = key.KeyID
	if access.IssuedAt.Sub(minted) > maxSignDelay {
		return nil, oauth.Unavailable(errSlow)
	}
	if err := i.signer.checkRevoked(access); err != nil {
		return nil, err
	}
	text, err := i.signer.signAccess("session", key, access)
	if err != nil {
		return nil, err
	}
	return &SessionAccess{
		Authorization: "Bearer " + text, claims: revocationClaims(access), algorithm: key.Algorithm,
		issued: access.IssuedAt, expires: access.ExpiresAt, version: at.Version(), made: time.Now(),
	}, nil
}

// Reusable reports whether a token may be returned again: in the first nine
// tenths of its lifetime, while its key signs, while the clients and audiences
// have the same version, and while the revocation log does not refuse it. Like
// the token cache, it also counts the time that has passed by the monotonic
// clock, because the store's clock may be set back.
func (i *Issuer) Reusable(at *client.Snapshot, a *SessionAccess) bool {
	if a.version != at.Version() {
		return false
	}
	key, err := i.keys.Signer(a.algorithm)
	if err != nil || key.KeyID != a.claims.KeyID {
		return false
	}
	age, part := i.registry.Now().Sub(a.issued), a.expires.Sub(a.issued)*9/10
	return age >= 0 && age < part && time.Since(a.made) < part && i.signer.revoked.table.Refuses(a.claims) == 0
}

// CheckGrant returns invalid_grant if an entry of the revocation log says that
// the grant was revoked.
func (i *Inspector) CheckGrant(id oauth.GrantID) error { return i.revoked.checkGrant(id) }

// CheckPassed returns nil if an access token for the audience is active; see
// Introspect. A gateway passes such a token on. Otherwise CheckPassed returns
// invalid_grant, or temporarily_unavailable if it cannot decide.
func (i *Inspector) CheckPassed(ctx context.Context, at *client.Snapshot, text, audience string) error {
	access, err := i.verifier.Access(ctx, text)
	if err != nil {
		return token.Refusal(oauth.InvalidGrant, err)
	}
	if !slices.Contains(access.Audience, audience) {
		return oauth.Refused(oauth.InvalidGrant, errOtherAudience)
	}
	return i.checkActive(ctx, at, access)
}
