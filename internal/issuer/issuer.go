package issuer

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// Options configures an Issuer. Every field is required, except where its
// comment says what nil means.
type Options struct {
	// Identifier is the issuer identifier (RFC 8414 §2).
	Identifier string
	Registry   *client.Registry
	Keys       *keys.Manager
	Grants     *grant.Service
	// Revocations has the entries of the revocation log. The issuer only reads
	// it. nil means no entries.
	Revocations *revocation.Table
	// Subject returns the user of that id, or oauth.NotFound. Any other error
	// means that the store did not answer.
	Subject func(ctx context.Context, id string) (Subject, error)
	// Audit writes an event before the server answers. If it returns an error,
	// the request fails. nil means no audit log.
	Audit func(context.Context, audit.Event) error
	// Issued is called for each access token that was signed, with the name of
	// the call and the algorithm. nil means no observer.
	Issued func(call, algorithm string)
	// IssuedFromCache is called for each access token that was returned from
	// the token cache, with the same arguments. nil means no observer.
	IssuedFromCache func(call, algorithm string)
}

// verifier returns the verifier of the issuer's tokens.
func (o Options) verifier() token.Verifier {
	return token.Verifier{Issuer: o.Identifier, Keys: o.Keys, Now: o.Registry.Now}
}

// An Issuer issues tokens.
type Issuer struct {
	identifier string
	registry   *client.Registry
	keys       *keys.Manager
	verifier   token.Verifier
	grants     *grant.Service
	subjects   subjects
	signer     signer
	audit      func(context.Context, audit.Event) error
}

// New returns an Issuer.
func New(o Options) *Issuer {
	if o.Audit == nil {
		o.Audit = func(context.Context, audit.Event) error { return nil }
	}
	if o.Issued == nil {
		o.Issued = func(string, string) {}
	}
	if o.IssuedFromCache == nil {
		o.IssuedFromCache = func(string, string) {}
	}
	return &Issuer{
		identifier: o.Identifier, registry: o.Registry, keys: o.Keys, verifier: o.verifier(), grants: o.Grants,
		subjects: subjects{o.Subject},
		signer: signer{
			identifier: o.Identifier, keys: o.Keys, revoked: newRevocations(o.Revocations), now: o.Registry.Now,
			issued: o.Issued, issuedFromCache: o.IssuedFromCache,
		},
		audit: o.Audit,
	}
}

// A TokenResponse is the result of Login, Refresh and ClientCredentials (RFC
// 6749 §5.1).
type TokenResponse struct {
	AccessToken      string
	ExpiresIn        time.Duration
	RefreshToken     string
	RefreshExpiresIn time.Duration
	// SessionToken is the result of a login of a client whose way is
	// client.WaySession, in place of an access token and a refresh token. It is
	// valid for RefreshExpiresIn after each use.
	SessionToken string
	// GrantEndsIn is how long the grant lasts in any case. It is zero for a
	// token without a grant.
	GrantEndsIn time.Duration
	Scope       oauth.Scope
	Subject     string
	GrantID     oauth.GrantID
	// DeviceToken is set by Login only.
	DeviceToken string
}

// respond signs the access token of a grant and returns it with the refresh
// token of the grant's generation.
func (i *Issuer) respond(call string, g grant.Grant, p accessPlan, refreshToken string) (*TokenResponse, error) {
	signed, lifetime, err := i.signer.sign(call, g, p)
	if err != nil {
		return nil, err
	}
	now := i.registry.Now()
	return &TokenResponse{
		AccessToken: signed, ExpiresIn: lifetime,
		RefreshToken: refreshToken, RefreshExpiresIn: g.ExpiresIn(now), GrantEndsIn: max(g.ExpiresAt.Sub(now), 0),
		Scope: p.target.Scope, Subject: g.UserID, GrantID: g.ID,
	}, nil
}

// record audits an event of the caller. If that fails, it returns
// temporarily_unavailable.
func (i *Issuer) record(ctx context.Context, caller client.Caller, e audit.Event) error {
	e.Time, e.Actor = i.registry.Now(), caller.Actor()
	if err := i.audit(ctx, e); err != nil {
		return oauth.Unavailable(err)
	}
	return nil
}

// recordGrant audits the creation of a grant. If that fails, it revokes the
// grant, because its tokens are not returned.
func (i *Issuer) recordGrant(ctx context.Context, caller client.Caller, event string, g grant.Grant) error {
	err := i.record(ctx, caller, audit.Event{Name: event, Subject: g.UserID, Grant: g.ID.String(), IP: g.IP})
	if err != nil {
		i.grants.Discard(ctx, g)
	}
	return err
}
