package client

import (
	"slices"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

var (
	errNoAudience = oauth.Fail(oauth.InvalidTarget, "The client has no audience, or it is disabled.")
	errTooMany    = oauth.Fail(oauth.InvalidTarget, "There are more than 16 audiences.")
)

// CheckAudience returns the error for the audience of a request, or the
// client's default, if it is empty or has more than oauth.MaxAudiences.
func CheckAudience(audience []string) error {
	switch {
	case len(audience) == 0:
		return errNoAudience
	case len(audience) > oauth.MaxAudiences:
		return errTooMany
	}
	return nil
}

// MixedAlgorithms returns the error for an audience whose algorithm is not that
// of the audiences before it.
func MixedAlgorithms(audience string) error {
	return oauth.RefusedAudience(
		"The audiences of one token must share one algorithm, and %s has another one.", audience, nil)
}

// noAudience returns the error for an audience that the client may not request.
func noAudience(audience string) error {
	return oauth.RefusedAudience("The client has no audience %s, or it is disabled.", audience, nil)
}

// Lifetimes bound the lifetime of access tokens.
type Lifetimes struct {
	// Default applies if the audience has no lifetime.
	Default time.Duration
	// Max is the maximum lifetime for every audience.
	Max time.Duration
}

// A Target describes an access token: its audience, the algorithm that signs
// it, its lifetime, and what it may contain.
type Target struct {
	Audience  []string
	Algorithm string
	Lifetime  time.Duration
	// Scope is the largest scope of the token.
	Scope oauth.Scope
	// Claims are the names of the user's claims that the token contains.
	Claims []string
	// ReuseTokens is true if all audiences allow the token cache.
	ReuseTokens bool
}

// Target returns the target of a token of the client for these audiences. The
// client must be allowed to request all of them, and they must share one
// algorithm. The shortest lifetime applies. The scope has the values that the
// client may request and that at least one of the audiences accepts.
func (r *Registry) Target(s *Snapshot, c Client, audience []string) (Target, error) {
	t := Target{ReuseTokens: true}
	if err := CheckAudience(audience); err != nil {
		return t, err
	}

	var scope oauth.Scope
	anyScope := false
	for _, id := range audience {
		a, ok := s.Audience(c, id)
		if !ok {
			return Target{}, noAudience(id)
		}
		algorithm := r.algorithm(a)
		if t.Algorithm != "" && t.Algorithm != algorithm {
			return Target{}, MixedAlgorithms(id)
		}
		t.Algorithm = algorithm
		if l := r.o.Lifetimes.of(a); t.Lifetime == 0 || l < t.Lifetime {
			t.Lifetime = l
		}
		if !slices.Contains(t.Audience, id) {
			t.Audience = append(t.Audience, id)
		}
		t.Claims = append(t.Claims, a.Claims...)
		t.ReuseTokens = t.ReuseTokens && a.ReuseTokens
		scope = append(scope, a.Scope...)
		anyScope = anyScope || len(a.Scope) == 0
	}

	t.Scope = c.Scope
	if !anyScope {
		t.Scope = c.Scope.Intersect(scope)
	}
	return t, nil
}

// RequestedTarget returns the target for the audience and the scope of a
// request. An empty audience means the client's default. An empty scope means
// every value that the client may request.
func (r *Registry) RequestedTarget(s *Snapshot, c Client, audience []string, scope string) (Target, error) {
	t, err := r.Target(s, c, c.OrDefaultAudience(audience))
	if err != nil && len(audience) == 0 {
		return t, errNoAudience // The request has not named the default, so the error does not either.
	}
	if err != nil {
		return t, err
	}
	requested, err := oauth.ParseScope(scope)
	if err != nil {
		return t, err
	}
	if !requested.Within(t.Scope) {
		return t, oauth.Refused(oauth.InvalidScope, nil)
	}
	if len(requested) > 0 {
		t.Scope = requested
	}
	return t, nil
}

// SessionTarget returns the target of a login whose session token is exchanged
// for access tokens of one audience each. So the audiences need not share an
// algorithm, and the target has none. An empty audience means all enabled
// audiences of the client, and an empty scope every value that the client may
// request.
func (s *Snapshot) SessionTarget(c Client, audience []string, scope string) (t Target, err error) {
	for _, id := range c.Audiences {
		_, enabled := s.Audience(c, id)
		if enabled && (len(audience) == 0 && len(t.Audience) < oauth.MaxAudiences || slices.Contains(audience, id)) {
			t.Audience = append(t.Audience, id)
		}
	}
	for _, id := range audience {
		if !slices.Contains(t.Audience, id) {
			return Target{}, noAudience(id)
		}
	}
	if err := CheckAudience(t.Audience); err != nil {
		return Target{}, err
	}

	if t.Scope, err = oauth.ParseScope(scope); err != nil {
		return Target{}, err
	}
	if !t.Scope.Within(c.Scope) {
		return Target{}, oauth.Refused(oauth.InvalidScope, nil)
	}
	if len(t.Scope) == 0 {
		t.Scope = c.Scope
	}
	return t, nil
}

// PlainAudiences returns the enabled audiences of the client, if they share one
// algorithm and request no claims of the user, and the algorithm. Every
// selection of up to oauth.MaxAudiences of these audiences has a target. In
// every other case PlainAudiences returns none.
func (r *Registry) PlainAudiences(s *Snapshot, c Client) (audience []string, algorithm string) {
	audience = make([]string, 0, len(c.Audiences))
	for _, id := range c.Audiences {
		a, ok := s.Audience(c, id)
		if !ok {
			continue
		}
		signs := r.algorithm(a)
		if len(a.Claims) > 0 || len(audience) > 0 && algorithm != signs {
			return nil, ""
		}
		audience, algorithm = append(audience, id), signs
	}
	return audience, algorithm
}

// OrDefaultAudience returns the audience that a request names, or the client's
// first audience if it names none.
func (c Client) OrDefaultAudience(audience []string) []string {
	if len(audience) == 0 && len(c.Audiences) > 0 {
		return c.Audiences[:1]
	}
	return audience
}

// algorithm returns the algorithm that signs for the audience now. An audience
// that changes its algorithm keeps the previous one until the first key of the
// new one has been published for long enough.
func (r *Registry) algorithm(a Audience) string {
	if a.PreviousAlgorithm != "" && !r.o.Ready(a.Algorithm) {
		return a.PreviousAlgorithm
	}
	return a.Algorithm
}

func (l Lifetimes) of(a Audience) time.Duration {
	if a.Lifetime == 0 {
		return min(l.Default, l.Max)
	}
	return min(a.Lifetime, l.Max)
}
