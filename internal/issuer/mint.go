package issuer

import (
	"context"
	"slices"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// MintRequest asks for access tokens without a login: in the client's own name, or for a subject that the client has
// authenticated itself.
type MintRequest struct {
	// Audience names who the tokens are for, one token each; empty means the client's default.
	Audience []string
	Scope    string
	// Subject is the sub of the tokens; empty means the client itself. Only a subject has what follows.
	Subject string
	// Claims are extra ones, of the names that the audiences ask for. Those of a user of ours go before them.
	Claims map[string]any
	// AuthTime and AMR say when and how the subject proved who they are; empty if the client does not tell.
	AuthTime time.Time
	AMR      []string
	// Refresh asks for a grant and its refresh token too, and EndUser is what the grant says of the device.
	Refresh bool
	EndUser EndUser
}

// MintResponse is the answer to Mint. What concerns the grant is zero unless there is one.
type MintResponse struct {
	Tokens           []MintedToken
	RefreshToken     string
	RefreshExpiresIn time.Duration
	GrantID          oauth.GrantID
	// Scope is what all tokens have together, and what the grant has.
	Scope   oauth.Scope
	Subject string
}

// A MintedToken is an access token for one audience.
type MintedToken struct {
	Audience    string
	AccessToken string
	ExpiresIn   time.Duration
	Scope       oauth.Scope
}

// Mint makes an access token for each audience, in the client's own name (RFC 9068 §2.2) or for a subject. In the client's own
// name it asks the store nothing, and for a subject that is none of our users only if there shall be a grant.
func (i *Issuer) Mint(ctx context.Context, caller Caller, r MintRequest) (*MintResponse, error) {
	s, err := i.directory.fresh()
	if err != nil {
		return nil, err
	}
	if err := i.mayMint(s, caller.Client, &r); err != nil {
		return nil, err
	}
	m, err := i.minting(s, caller.Client, r)
	if err != nil {
		return nil, err
	}
	if r.Subject == "" {
		id := caller.Client.ID
		return m.answer(id, func(t target) (string, time.Duration, error) { return i.signOwn("mint", s, id, t) })
	}
	if err := m.checkClaims(r.Claims); err != nil {
		return nil, err
	}
	if m.user, err = i.enabledUser(ctx, r.Subject); err != nil {
		return nil, err
	}
	if r.Refresh {
		return i.mintGrant(ctx, s, m, caller, r)
	}
	answer, err := i.mint(s, m, grant.Grant{
		UserID: r.Subject, ClientID: caller.Client.ID, AuthTime: r.AuthTime, AMR: r.AMR, Claims: r.Claims,
	})
	if err != nil {
		return nil, err
	}
	if err := i.record(caller, audit.Event{Name: audit.TokenMinted, Subject: r.Subject}); err != nil {
		return nil, err
	}
	return answer, nil
}

// mintGrant does it with a grant. The tokens come before the write: what cannot be signed is not begun.
func (i *Issuer) mintGrant(ctx context.Context, s *snapshot, m minting, caller Caller, r MintRequest) (*MintResponse, error) {
	address, err := endUserAddress(caller, r.EndUser)
	if err != nil {
		return nil, err
	}
	mac, _, err := i.keys.CurrentMAC()
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	handle := token.NewHandle()
	g := i.newGrant(s, caller.Client, r.Subject, handle.GrantID())
	g.MACKey, g.Scope, g.Audience, g.DeviceLabel, g.IP = mac, m.scope, m.audience(), r.EndUser.DeviceLabel, text(address)
	g.AuthTime, g.AMR, g.Claims = r.AuthTime, r.AMR, r.Claims
	answer, err := i.mint(s, m, g)
	if err != nil {
		return nil, err
	}
	answer.GrantID, answer.RefreshExpiresIn = g.ID, refreshExpiresIn(g, i.storeTime(s))
	if answer.RefreshToken, err = i.refreshToken(ctx, g, handle); err != nil {
		return nil, err
	}
	if m.user.ID == "" {
		err = i.store.MintGrant(ctx, g)
	} else {
		err = i.store.CreateGrant(ctx, g, m.user.Epoch)
	}
	if err != nil {
		return nil, oauth.FromStore(err)
	}
	if err := i.record(caller, audit.Event{
		Name: audit.TokenMinted, Subject: r.Subject, Grant: g.ID.String(), IP: text(address),
	}); err != nil {
		return nil, err
	}
	return answer, nil
}

// mint signs a token for each target; the grant says for whom.
func (i *Issuer) mint(s *snapshot, m minting, g grant.Grant) (*MintResponse, error) {
	return m.answer(g.UserID, func(t target) (string, time.Duration, error) {
		return i.sign("mint", s, g, t, pick(t.claims, g.Claims, m.user.Claims))
	})
}

// answer has a token of the subject for each target, as sign makes it.
func (m minting) answer(subject string, sign func(target) (string, time.Duration, error)) (*MintResponse, error) {
	answer := &MintResponse{Subject: subject, Scope: m.scope}
	for _, t := range m.targets {
		signed, lifetime, err := sign(t)
		if err != nil {
			return nil, err
		}
		answer.Tokens = append(answer.Tokens, MintedToken{
			Audience: t.audience[0], AccessToken: signed, ExpiresIn: lifetime, Scope: t.scope,
		})
	}
	return answer, nil
}

// A minting is what shall be minted.
type minting struct {
	// targets has one for each audience, and scope is what all have together.
	targets []target
	scope   oauth.Scope
	// user is the subject, if it is one of ours.
	user login.User
}

// minting returns a target for each audience of the request. A token carries that part of the scope which its audience knows,
// so that a value which none knows is refused.
func (i *Issuer) minting(s *snapshot, c client.Client, r MintRequest) (m minting, err error) {
	names := orDefaultAudience(c, r.Audience)
	if len(names) == 0 || len(names) > oauth.MaxAudiences {
		return m, errNoAudience
	}
	scope, err := oauth.ParseScope(r.Scope)
	if err != nil {
		return m, err
	}
	for n, name := range names {
		if slices.Contains(names[:n], name) {
			continue
		}
		t, err := i.target(s, c, []string{name})
		if err != nil {
			return m, err
		}
		if len(scope) > 0 {
			t.scope = scope.Intersect(t.scope)
		}
		m.targets, m.scope = append(m.targets, t), append(m.scope, t.scope...)
	}
	if m.scope = oauth.NewScope(m.scope...); !scope.Within(m.scope) {
		return m, oauth.Refused(oauth.InvalidScope, nil)
	}
	// What shares a grant shares one algorithm, because its refreshed token is one for all.
	if r.Refresh && slices.ContainsFunc(m.targets, func(t target) bool { return t.algorithm != m.targets[0].algorithm }) {
		return m, errMixedAlgorithms
	}
	return m, nil
}

func (m minting) audience() []string {
	var names []string
	for _, t := range m.targets {
		names = append(names, t.audience...)
	}
	return names
}

// maxAhead is how far the clock of a client that tells an auth_time may be ahead of ours.
const maxAhead = time.Minute

// mayMint refuses what the client may not mint, whatever it is for. A client's id is that client's own name: nobody mints for
// it as a subject (RFC 9068 §5). An auth_time that is a little ahead becomes now.
func (i *Issuer) mayMint(s *snapshot, c client.Client, r *MintRequest) error {
	if c.Public {
		return oauth.Fail(oauth.UnauthorizedClient, "A public client mints nothing: it cannot prove who it is.")
	}
	if r.Subject == "" {
		if r.Refresh || len(r.Claims) > 0 || !r.AuthTime.IsZero() || len(r.AMR) > 0 || r.EndUser != (EndUser{}) {
			return oauth.Fail(oauth.InvalidRequest, "Only a subject has claims, auth_time, amr, refresh and end_user.")
		}
		return nil
	}
	if !c.MintSubjects {
		return oauth.Fail(oauth.UnauthorizedClient, "The client may not mint for a subject.")
	}
	if err := checkSubject(r.Subject); err != nil {
		return err
	}
	if _, ok := s.clients[r.Subject]; ok {
		return oauth.Fail(oauth.AccessDenied, "The subject is a client's id.")
	}
	if !oauth.ValidAMR(r.AMR) {
		return oauth.Fail(oauth.InvalidRequest, "amr has at most 16 values of 1 to 64 printable ASCII characters.")
	}
	if r.EndUser != (EndUser{}) && !r.Refresh {
		return oauth.Fail(oauth.InvalidRequest, "Only a grant has an end_user; ask for refresh.")
	}
	return i.checkAuthTime(&r.AuthTime)
}

func (i *Issuer) checkAuthTime(at *time.Time) error {
	now := i.now().UTC().Truncate(time.Microsecond)
	switch {
	case at.IsZero():
	case at.Unix() <= 0 || at.After(now.Add(maxAhead)):
		return oauth.Fail(oauth.InvalidRequest, "auth_time is in the future or before 1970.")
	case at.After(now):
		*at = now
	default:
		*at = at.UTC().Truncate(time.Microsecond)
	}
	return nil
}

// checkClaims refuses claims that no token may carry, and those that none of the audiences asks for: a claim that would be
// dropped is a mistake that its sender should know of.
func (m minting) checkClaims(claims map[string]any) error {
	if err := oauth.CheckClaims(claims); err != nil {
		return err
	}
	for name := range claims {
		if !slices.ContainsFunc(m.targets, func(t target) bool { return slices.Contains(t.claims, name) }) {
			return oauth.Fail(oauth.InvalidRequest, "None of the audiences asks for one of the claims.")
		}
	}
	return nil
}
