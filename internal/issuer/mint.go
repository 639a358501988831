package issuer

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// Mint issues an access token for each audience, in the client's own name (RFC
// 9068 §2.2) or for a subject. In the client's own name it does not use the
// store. For a subject it reads the user of that id, if there is one.
func (i *Issuer) Mint(ctx context.Context, caller client.Caller, r MintRequest) (*MintResponse, error) {
	minted := i.registry.Now()
	s, err := i.registry.Snapshot()
	if err != nil {
		return nil, err
	}
	if err := checkMint(s, caller.Client, &r, i.registry.Now()); err != nil {
		return nil, err
	}
	p, err := i.planMint(s, caller.Client, r)
	if err != nil {
		return nil, err
	}
	p.minted = minted
	if r.Subject == "" {
		id := caller.Client.ID
		return p.respond(id, func(t client.Target) (string, time.Duration, error) {
			return i.signer.signOwn(ctx, "mint", s, id, accessPlan{target: t, minted: p.minted})
		})
	}

	if err := p.checkClaims(r.Claims); err != nil {
		return nil, err
	}
	if p.subject, err = i.subjects.enabled(ctx, r.Subject); err != nil {
		return nil, err
	}
	if r.Refresh {
		if p.subject.ID != "" {
			// The grant is only stored if the user has not changed since.
			p.minted = i.registry.Now()
		}
		return i.mintGrant(ctx, s, p, caller, r)
	}
	response, err := i.mint(ctx, p, grant.Grant{
		UserID: r.Subject, ClientID: caller.Client.ID, AuthTime: r.AuthTime, AMR: r.AMR, Claims: r.Claims,
	})
	if err != nil {
		return nil, err
	}
	if err := i.record(ctx, caller, audit.Event{Name: audit.TokenMinted, Subject: r.Subject}); err != nil {
		return nil, err
	}
	return response, nil
}

// mintGrant mints with a grant. It signs the tokens before it stores the grant,
// so that a failure to sign stores no grant.
func (i *Issuer) mintGrant(
	ctx context.Context, s *client.Snapshot, p mintPlan, caller client.Caller, r MintRequest,
) (*MintResponse, error) {
	address, err := caller.EndUserAddress(r.EndUser)
	if err != nil {
		return nil, err
	}
	macKey, _, err := i.keys.CurrentMAC()
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	handle := token.NewHandle()
	g := i.grants.New(caller.Client, r.Subject, handle.GrantID(), i.registry.Now())
	g.MACKey, g.Scope, g.Audience = macKey, p.scope, p.audience()
	g.AuthTime, g.AMR, g.Claims = r.AuthTime, r.AMR, r.Claims
	g.DeviceLabel, g.IP = r.EndUser.DeviceLabel, audit.IP(address)

	if err := i.checkRefreshOf(s, p, caller.Client, g); err != nil {
		return nil, err
	}
	response, err := i.mint(ctx, p, g)
	if err != nil {
		return nil, err
	}
	response.GrantID, response.RefreshExpiresIn = g.ID, g.ExpiresIn(i.registry.Now())
	if response.RefreshToken, err = i.grants.Token(ctx, g, handle); err != nil {
		return nil, err
	}
	if p.subject.ID == "" {
		err = i.grants.CreateMinted(ctx, g)
	} else {
		err = i.grants.Create(ctx, caller, g, p.subject.Epoch)
	}
	if err != nil {
		return nil, err
	}
	if err := i.recordGrant(ctx, caller, audit.TokenMinted, g); err != nil {
		return nil, err
	}
	return response, nil
}

// checkRefreshOf returns an error if a refresh could not issue the token of a
// new grant: one token for all audiences and the whole scope.
func (i *Issuer) checkRefreshOf(s *client.Snapshot, p mintPlan, c client.Client, g grant.Grant) error {
	t, err := i.refreshTarget(s, c, g, nil, nil)
	if err != nil {
		return err
	}
	return i.signer.check(g, p.access(t, g))
}

// mint signs a token for each target. The subject is that of the grant.
func (i *Issuer) mint(ctx context.Context, p mintPlan, g grant.Grant) (*MintResponse, error) {
	var signing place
	defer signing.release()
	return p.respond(g.UserID, func(t client.Target) (string, time.Duration, error) {
		plan := p.access(t, g)
		if err := i.signer.checkRevoked(i.signer.access(g, plan)); err != nil {
			return "", 0, err
		}
		if err := signing.take(ctx, i.keys, t.Algorithm); err != nil {
			return "", 0, err
		}
		return i.signer.sign("mint", g, plan)
	})
}

// access returns the plan of one token.
func (p mintPlan) access(t client.Target, g grant.Grant) accessPlan {
	return accessPlan{t, selectClaims(t.Claims, g.Claims, p.subject.Claims), p.minted}
}

// respond returns a token of the subject for each target. sign makes one token.
func (p mintPlan) respond(
	subject string, sign func(client.Target) (string, time.Duration, error),
) (*MintResponse, error) {
	response := &MintResponse{Subject: subject, Scope: p.scope}
	for _, t := range p.targets {
		signed, lifetime, err := sign(t)
		if err != nil {
			return nil, err
		}
		response.Tokens = append(response.Tokens, MintedToken{
			Audience: t.Audience[0], AccessToken: signed, ExpiresIn: lifetime, Scope: t.Scope,
		})
	}
	return response, nil
}
