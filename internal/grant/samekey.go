package grant

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// SameKeyGrace is how long after a rotation the current token of a grant in the
// browser is answered without another rotation, if it comes with the
// idempotency key that rotated the grant.
//
// A browser has one key. It may send a token in a request that hangs, be
// reloaded twice, and rotate the grant with each page. The token of the first
// request would then be two generations old when it arrives.
const SameKeyGrace = 10 * time.Second

// rotatedJustNow reads the grant, if its client is in the browser and the
// request has a key. ok is true if the token is the current one, and this key
// rotated the grant within SameKeyGrace. Then the grant needs no rotation.
func (r *Rotation) rotatedJustNow(ctx context.Context) (g Grant, ok bool, err error) {
	if r.caller.Client.Browser == nil || r.key.own {
		return g, false, nil
	}
	now := r.service.o.Registry.Now()
	g, err = r.service.Get(ctx, r.GrantID())
	if errors.Is(err, oauth.NotFound) {
		return g, false, nil
	} else if err != nil {
		return g, false, err
	}
	g = g.AsStored()
	since := now.Sub(g.RotatedAt)
	ok = g.ClientID == r.caller.Client.ID && g.State(now) == StateActive && g.Generation == r.token.Generation &&
		g.KeyHash.Equal(r.key.hash) && since >= 0 && since < SameKeyGrace
	if ok {
		r.passedAt = now
	}
	return g, ok, nil
}

// answerCurrent returns the result for a grant that needs no rotation.
func answerCurrent(g Grant, audience []string) RefreshResult {
	for _, name := range g.Audience {
		if !slices.Contains(audience, name) {
			return RefreshResult{Outcome: Unchecked, Grant: g}
		}
	}
	return RefreshResult{Outcome: Current, Grant: g}
}
