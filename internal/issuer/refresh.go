package issuer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// RefreshRequest presents a refresh token.
type RefreshRequest struct {
	RefreshToken string
	// Scope and Audience may narrow the fresh access token; the grant keeps its own.
	Scope    string
	Audience []string
	// IdempotencyKey belongs to the stored token; all retries that present it share it.
	IdempotencyKey string
}

// Refresh exchanges a refresh token for its successor and a fresh access token (RFC 6749 §6, RFC 9700 §4.14.2). The
// successor is computed, so that the same question can be given the same answer again. invalid_grant is said only on
// positive knowledge.
func (i *Issuer) Refresh(ctx context.Context, caller Caller, r RefreshRequest) (*TokenResponse, error) {
	s, err := i.directory.fresh()
	if err != nil {
		return nil, err
	}
	arrived := i.storeTime(s)
	mac, _, err := i.keys.CurrentMAC()
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	presented, err := i.openRefresh(ctx, r.RefreshToken)
	if err != nil {
		i.watch.Refreshed(unopened(err))
		return nil, err
	}
	scope, err := oauth.ParseScope(r.Scope)
	if err != nil {
		return nil, err
	}
	if err := i.mayNarrow(ctx, s, caller.Client, presented.Handle.GrantID(), scope, r.Audience); err != nil {
		return nil, err
	}
	verdict, err := i.move(ctx, grant.RefreshAttempt{
		Grant: presented.Handle.GrantID(), ClientID: caller.Client.ID, Generation: presented.Generation,
		KeyHash: hashKey(r.IdempotencyKey), MACKey: mac,
		ReceivedAt: arrived, Deadline: i.storeDeadline(ctx, arrived), Leeway: i.leeway(caller.Client),
	})
	if err != nil {
		i.watch.Refreshed(OutcomeUnavailable)
		return nil, err
	}
	i.watch.Refreshed(string(verdict.Outcome))
	if err := i.judge(caller, presented.Handle.GrantID(), verdict); err != nil {
		return nil, err
	}
	t, err := i.refreshTarget(s, caller.Client, verdict.Grant, scope, r.Audience)
	if err != nil {
		return nil, err
	}
	return i.answer(ctx, "refresh", s, verdict.Grant, t, presented.Handle)
}

// openRefresh checks the token's MAC. What we never made does not reach the store.
func (i *Issuer) openRefresh(ctx context.Context, text string) (token.Refresh, error) {
	sealed, err := token.ParseRefresh(text)
	if err != nil {
		return token.Refresh{}, oauth.Refused(oauth.InvalidGrant, err)
	}
	secret, err := i.keys.MAC(ctx, sealed.Key)
	if keys.Gone(err) {
		return token.Refresh{}, oauth.Refused(oauth.InvalidGrant, err)
	} else if err != nil {
		return token.Refresh{}, oauth.Unavailable(err)
	}
	r, err := sealed.Open(secret)
	if err == nil && r.Generation == math.MaxUint32 {
		err = errors.New("the grant has no further generation")
	}
	if err != nil {
		return token.Refresh{}, oauth.Refused(oauth.InvalidGrant, err)
	}
	return r, nil
}

// unopened names why a refresh token could not be opened.
func unopened(err error) string {
	switch {
	case keys.Gone(err):
		return OutcomeUnknownKey
	case errors.Is(err, oauth.InvalidGrant):
		return OutcomeInvalid
	}
	return OutcomeUnavailable
}

// mayNarrow refuses a scope or an audience that the grant does not have, before the token is spent. The grant's own never
// change, so what is read here still holds when the grant moves; a request that names neither needs no read.
func (i *Issuer) mayNarrow(ctx context.Context, s *snapshot, c client.Client, id oauth.GrantID, scope oauth.Scope, audience []string) error {
	if len(scope) == 0 && len(audience) == 0 {
		return nil
	}
	g, err := i.store.Grant(ctx, id)
	if errors.Is(err, oauth.NotFound) || err == nil && g.ClientID != c.ID {
		return nil // the move itself says what is wrong
	}
	if err != nil {
		return oauth.FromStore(err)
	}
	_, err = i.refreshTarget(s, c, g, scope, audience)
	return err
}

// move asks the store, and once more if the first answer was lost: the request's key makes the second a repeat.
func (i *Issuer) move(ctx context.Context, p grant.RefreshAttempt) (grant.RefreshResult, error) {
	ctx, done := i.watch.Span(ctx, "store.refresh")
	defer done()
	verdict, err := i.store.RefreshGrant(ctx, p)
	if err != nil && ctx.Err() == nil {
		i.log.Warn("the store did not answer a refresh; asking again", "grant", p.Grant, "error", err)
		verdict, err = i.store.RefreshGrant(ctx, p)
	}
	return verdict, oauth.FromStore(err)
}

// judge writes the events of a verdict, and refuses those that leave no live grant.
func (i *Issuer) judge(caller Caller, id oauth.GrantID, v grant.RefreshResult) error {
	if v.Outcome == grant.Late {
		return oauth.Unavailable(context.DeadlineExceeded)
	}
	if name, ok := refreshEvents[v.Outcome]; ok {
		if err := i.record(caller, audit.Event{
			Name: name, Subject: v.Grant.UserID, Grant: id.String(), Failed: !v.Outcome.Accepted(),
		}); err != nil {
			return err
		}
	}
	if !v.Outcome.Accepted() {
		return oauth.Refused(oauth.InvalidGrant, errors.New(string(v.Outcome)))
	}
	return nil
}

// refreshEvents are the outcomes that an auditor wants to know of.
var refreshEvents = map[grant.Outcome]string{
	grant.Reused:  audit.RefreshReused,
	grant.Ahead:   audit.RefreshAhead,
	grant.Missing: audit.RefreshMissing,
}

// refreshTarget narrows what the grant has to what the request names. An audience or a scope value that the client has lost
// since the login is left out, unless the request names it.
func (i *Issuer) refreshTarget(s *snapshot, c client.Client, g grant.Grant, scope oauth.Scope, audience []string) (target, error) {
	for _, name := range audience {
		if !slices.Contains(g.Audience, name) {
			return target{}, oauth.Refused(oauth.InvalidTarget, nil)
		}
	}
	if len(audience) == 0 {
		lost := func(name string) bool {
			_, ok := s.audience(c, name)
			return !ok
		}
		if audience = g.Audience; slices.ContainsFunc(audience, lost) {
			audience = slices.DeleteFunc(slices.Clone(audience), lost)
		}
	}
	if !scope.Within(g.Scope) {
		return target{}, oauth.Refused(oauth.InvalidScope, nil)
	}
	if len(scope) == 0 {
		scope = g.Scope
	}
	t, err := i.target(s, c, audience)
	t.scope = scope.Intersect(t.scope)
	return t, err
}

func (i *Issuer) leeway(c client.Client) time.Duration {
	if c.Leeway != nil {
		return *c.Leeway
	}
	return i.lifetimes.Leeway
}

// hashKey returns what is kept of an idempotency key. A request without one gets a random one, which serves the server's
// own second attempt and matches nothing else.
func hashKey(key string) []byte {
	if key == "" {
		key = rand.Text()
	}
	sum := sha256.Sum256([]byte("signet idempotency key\x00" + key))
	return sum[:16]
}
