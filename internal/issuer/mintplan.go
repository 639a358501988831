package issuer

import (
	"slices"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// maxAuthTimeAhead is how far the auth_time of a request may be ahead of the
// server's clock.
const maxAuthTimeAhead = time.Minute

// A mintPlan describes the tokens that Mint will make.
type mintPlan struct {
	// targets has one target for each audience.
	targets []client.Target
	// scope is the scope of all targets together.
	scope oauth.Scope
	// subject is the user that the tokens are for. It is zero if the subject is
	// not a user.
	subject Subject
	// minted is the moment of the tokens, see accessPlan.
	minted time.Time
}

// planMint returns a target for each audience of the request. A token has the
// values of the scope that its audience accepts. planMint returns invalid_scope
// if no audience accepts a value.
func (i *Issuer) planMint(s *client.Snapshot, c client.Client, r MintRequest) (p mintPlan, err error) {
	names := c.OrDefaultAudience(r.Audience)
	if err := client.CheckAudience(names); err != nil {
		return p, err
	}
	scope, err := oauth.ParseScope(r.Scope)
	if err != nil {
		return p, err
	}
	for n, name := range names {
		if slices.Contains(names[:n], name) {
			continue
		}
		requested := r.Audience
		if len(requested) > 0 {
			requested = names[n : n+1]
		}
		t, err := i.registry.RequestedTarget(s, c, requested, "")
		if err != nil {
			return p, err
		}
		if len(scope) > 0 {
			t.Scope = scope.Intersect(t.Scope)
		}
		p.targets, p.scope = append(p.targets, t), append(p.scope, t.Scope...)
	}

	if p.scope = oauth.NewScope(p.scope...); !scope.Within(p.scope) {
		return p, oauth.Refused(oauth.InvalidScope, nil)
	}
	// A refresh of the grant makes one token for all its audiences, so they
	// must share one algorithm.
	other := func(t client.Target) bool { return t.Algorithm != p.targets[0].Algorithm }
	if n := slices.IndexFunc(p.targets, other); r.Refresh && n >= 0 {
		return p, client.MixedAlgorithms(p.targets[n].Audience[0])
	}
	return p, nil
}

func (p mintPlan) audience() []string {
	var names []string
	for _, t := range p.targets {
		names = append(names, t.Audience...)
	}
	return names
}

// checkClaims returns invalid_request for claims that no token may contain, and
// for claims that no audience requests. The latter would be missing from the
// tokens without an error.
func (p mintPlan) checkClaims(claims map[string]any) error {
	if err := oauth.CheckClaims(claims); err != nil {
		return err
	}
	for name := range claims {
		if !slices.ContainsFunc(p.targets, func(t client.Target) bool { return slices.Contains(t.Claims, name) }) {
			return oauth.Fail(oauth.InvalidRequest, "One of the claims is not accepted by any of the audiences.")
		}
	}
	return nil
}

// checkMint checks the parts of a request that do not depend on an audience.
// The subject must not be the id of a client, because the token would look like
// that client's own (RFC 9068 §5). checkMint replaces an auth_time in the near
// future by now.
func checkMint(s *client.Snapshot, c client.Client, r *MintRequest, now time.Time) error {
	if c.Public {
		return oauth.Fail(oauth.UnauthorizedClient, "A public client may not mint, because it does not authenticate.")
	}
	if r.Subject == "" {
		if r.Refresh || len(r.Claims) > 0 || !r.AuthTime.IsZero() || len(r.AMR) > 0 || r.EndUser != (client.EndUser{}) {
			return oauth.Fail(oauth.InvalidRequest, "Only a subject has claims, auth_time, amr, refresh and end_user.")
		}
		return nil
	}
	if !c.MintSubjects {
		return oauth.Fail(oauth.UnauthorizedClient, "The client may not mint for a subject.")
	}
	if !oauth.ValidSubject(r.Subject) {
		return oauth.ErrSubject
	}
	if _, ok := s.Client(r.Subject); ok {
		return oauth.Fail(oauth.AccessDenied, "The subject is a client's id.")
	}
	if !oauth.ValidAMR(r.AMR) {
		return oauth.Fail(oauth.InvalidRequest, "amr has at most 16 values of 1 to 64 printable ASCII characters.")
	}
	if r.EndUser != (client.EndUser{}) && !r.Refresh {
		return oauth.Fail(oauth.InvalidRequest, "Only a grant has an end_user; ask for refresh.")
	}
	return checkAuthTime(&r.AuthTime, now.UTC().Truncate(time.Microsecond))
}

func checkAuthTime(at *time.Time, now time.Time) error {
	switch {
	case at.IsZero():
	case at.Unix() <= 0 || at.After(now.Add(maxAuthTimeAhead)):
		return oauth.Fail(oauth.InvalidRequest, "auth_time is in the future or before 1970.")
	case at.After(now):
		*at = now
	default:
		*at = at.UTC().Truncate(time.Microsecond)
	}
	return nil
}
