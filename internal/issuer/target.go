package issuer

import (
	"errors"
	"slices"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

var (
	errStaleDirectory  = errors.New("the clients and audiences were not confirmed by the store for 5 s")
	errMixedAlgorithms = oauth.Fail(oauth.InvalidTarget, "The audiences of one token must share one algorithm.")
	errSubject         = oauth.Fail(oauth.InvalidRequest, "A subject has 1 to 255 bytes of text without control characters.")
	errNoAudience      = oauth.Fail(oauth.InvalidTarget, "The client may ask for no such audience.")
)

// A target is what an access token is for: who verifies it, how it is signed, how long it lives, what it may carry.
type target struct {
	audience  []string
	algorithm string
	lifetime  time.Duration
	scope     oauth.Scope // what it may carry at most
	claims    []string    // which of the user's claims it carries
	repeats   bool        // whether all of its audiences allow that it is given again
}

// target returns what a token of the client for these audiences is like. All of them must be the client's and share one
// algorithm, the shortest lifetime holds, and the scope is what the client may have and some audience knows.
func (i *Issuer) target(s *snapshot, c client.Client, names []string) (target, error) {
	t := target{repeats: true}
	if len(names) == 0 || len(names) > oauth.MaxAudiences {
		return t, errNoAudience
	}
	var scope oauth.Scope
	anything := false
	for _, name := range names {
		a, ok := s.audience(c, name)
		if !ok {
			return target{}, errNoAudience
		}
		algorithm := i.algorithm(a)
		if t.algorithm != "" && t.algorithm != algorithm {
			return target{}, errMixedAlgorithms
		}
		t.algorithm = algorithm
		if l := i.lifetime(a); t.lifetime == 0 || l < t.lifetime {
			t.lifetime = l
		}
		if !slices.Contains(t.audience, name) {
			t.audience = append(t.audience, name)
		}
		t.claims = append(t.claims, a.Claims...)
		t.repeats = t.repeats && a.ReuseTokens
		scope = append(scope, a.Scope...)
		anything = anything || len(a.Scope) == 0
	}
	t.scope = c.Scope
	if !anything {
		t.scope = c.Scope.Intersect(scope)
	}
	return t, nil
}

// narrowed returns what the client may have, narrowed to what a request names: one token for all of it.
func (i *Issuer) narrowed(s *snapshot, c client.Client, audience []string, scope string) (target, error) {
	t, err := i.target(s, c, orDefaultAudience(c, audience))
	if err != nil {
		return t, err
	}
	asked, err := oauth.ParseScope(scope)
	if err != nil {
		return t, err
	}
	if !asked.Within(t.scope) {
		return t, oauth.Refused(oauth.InvalidScope, nil)
	}
	if len(asked) > 0 {
		t.scope = asked
	}
	return t, nil
}

// audience returns the audience of that name if the client may have tokens for it now.
func (s *snapshot) audience(c client.Client, name string) (client.Audience, bool) {
	a, ok := s.audiences[name]
	return a, ok && a.DisabledAt.IsZero() && slices.Contains(c.Audiences, name)
}

// algorithm returns what signs for the audience now: an audience that changed its algorithm keeps the old one until the new
// one's first key has been published for long enough.
func (i *Issuer) algorithm(a client.Audience) string {
	if a.PreviousAlgorithm != "" && !i.keys.Ready(a.Algorithm) {
		return a.PreviousAlgorithm
	}
	return a.Algorithm
}

func (i *Issuer) lifetime(a client.Audience) time.Duration {
	if a.Lifetime == 0 {
		return min(i.lifetimes.Access, i.lifetimes.MaxAccess)
	}
	return min(a.Lifetime, i.lifetimes.MaxAccess)
}

// orDefaultAudience returns the audiences that a request names, or the client's first if it names none.
func orDefaultAudience(c client.Client, names []string) []string {
	if len(names) == 0 && len(c.Audiences) > 0 {
		return c.Audiences[:1]
	}
	return names
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}
