package issuer_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// nextKey returns the kid of the first pre-active key of the algorithm.
func nextKey(f *fixture, algorithm string) string {
	for _, row := range f.Keys.Rows() {
		if row.Algorithm == algorithm && row.State == keys.PreActive {
			return row.Key
		}
	}
	return ""
}

// A canary token is valid at every verifier that has the next key, and names no
// user and no client. Its event is written before the token is returned.
func TestCanary_IsAShortTokenOfTheNextKey(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.Events.Reset()
		issued := time.Now().Truncate(time.Second)
		c, err := f.Canary.Issue(t.Context(), operator, api)
		must(t, err)
		next := nextKey(f, keys.RS256)
		if next == "" || c.Key != next || c.Algorithm != keys.RS256 {
			t.Errorf("signed by the %s key %s, want %s", c.Algorithm, c.Key, next)
		}

		access := f.read(t, c.Token)
		if access.Subject != "operator:canary" || access.ClientID != "operator:canary" || access.GrantID != "" ||
			access.Scope.String() != "canary" || !slices.Equal(access.Audience, []string{api}) ||
			len(access.Claims) > 0 {
			t.Errorf("claims %+v", access)
		}
		if !access.IssuedAt.Equal(issued) || !access.ExpiresAt.Equal(issued.Add(time.Minute)) ||
			!c.ExpiresAt.Equal(access.ExpiresAt) {
			t.Errorf("valid from %s to %s", access.IssuedAt, access.ExpiresAt)
		}
		event := audit.Event{
			Name: audit.CanaryIssued, Time: f.Registry.Now(), Actor: operator, Key: next, Audience: api,
			Reason: "for " + api,
		}
		if events := f.Events.All(); len(events) != 1 || events[0] != event {
			t.Errorf("recorded %+v", events)
		}

		f.Events.FailWith(errors.New("the disk is full"))
		c, err = f.Canary.Issue(t.Context(), operator, api)
		if !errors.Is(err, oauth.TemporarilyUnavailable) || c.Token != "" {
			t.Errorf("without an audit log: %q, %v", c.Token, err)
		}
	})
}

// The administration does not accept a canary token, also if it is for the
// issuer itself.
func TestCanary_IsNoCredentialForTheIssuer(t *testing.T) {
	f := newFixture(t)
	_, err := f.Admin.CreateAudience(t.Context(), operator, client.Audience{ID: identifier, Algorithm: keys.RS256})
	must(t, err)
	c, err := f.Canary.Issue(t.Context(), operator, identifier)
	must(t, err)
	_, err = f.Inspector.Bearer(t.Context(), c.Token)
	wantCode(t, err, oauth.InvalidClient)
}

func TestCanary_Refusals(t *testing.T) {
	f := newFixture(t)
	_, err := f.Canary.Issue(t.Context(), operator, "https://unknown.example")
	wantCode(t, err, oauth.InvalidTarget)

	_, err = f.Admin.CreateAudience(t.Context(), operator, client.Audience{ID: "edwards", Algorithm: keys.EdDSA})
	must(t, err)
	var refusal keys.Refusal
	if _, err = f.Canary.Issue(t.Context(), operator, "edwards"); !errors.As(err, &refusal) {
		t.Errorf("without a key of the algorithm: %v", err)
	}

	must(t, f.Admin.DisableAudience(t.Context(), operator, api))
	_, err = f.Canary.Issue(t.Context(), operator, api)
	wantCode(t, err, oauth.InvalidTarget)
}
