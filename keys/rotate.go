package keys

import (
	"time"

	"github.com/signetd/signet/internal/audit"
)

// rotate sets the activation date of the active key's successor and returns the
// timeline. If the successor already has a date, it keeps that date, unless
// atOnce is set.
func (u *update) rotate(algorithm string, atOnce bool) (Plan, error) {
	old, ok := u.active(algorithm)
	if !ok {
		return Plan{}, refuse("there is no active %s key to rotate: "+
			"servers generate the first one when an audience uses %s",
			algorithm, algorithm)
	}

	next, reason := Key{Algorithm: algorithm, CreatedAt: u.now}, ""
	preActive := u.ring.preActive(algorithm, u.now)
	if len(preActive) > 0 {
		next = u.ring.Keys[preActive[0]]
	}
	pending := !next.ActivateAt.IsZero() && !atOnce
	switch {
	case pending:
		reason = "its date was set before"
	case atOnce:
		next.ActivateAt = u.immediateDate(algorithm)
		reason = "requested at once, dated back for slow clocks; servers follow within a poll"
	default:
		next.ActivateAt, reason = u.earliestDate(next)
	}

	until := u.ring.schedule(algorithm).keptUntil(u.policy, old, next.ActivateAt)
	plan := Plan{Steps: rotationSteps(old, next, reason, until)}
	if atOnce {
		plan.Warnings = u.policy.publicationWarnings(next, u.now)
	}

	switch {
	case pending:
	case len(preActive) > 0:
		u.ring.Keys[preActive[0]] = next
		u.record(audit.KeyRotated, next.ID, operatorRequest)
	default:
		date := activateAt(next.ActivateAt)
		if !atOnce {
			date = func(k Key) time.Time {
				at, _ := u.earliestDate(k)
				return at
			}
		}
		u.request(keyRequest{algorithm: algorithm, activateAt: date, rotates: true, reason: operatorRequest})
	}
	return plan, nil
}

// cancel removes the activation date of a pre-active key, which becomes a spare
// again.
func (u *update) cancel(id string) error {
	i := u.ring.index(id)
	if i < 0 {
		return unknownKey(id)
	}
	k := &u.ring.Keys[i]
	if s := u.ring.schedule(k.Algorithm).state(*k, u.now); s != PreActive {
		return refuse("the key %s is %s already: only a pre-active key with a date can be cancelled", id, s)
	}
	if k.ActivateAt.IsZero() {
		return refuse("the key %s is a spare without a date: there is nothing to cancel", id)
	}
	if active, ok := u.active(k.Algorithm); ok && !u.now.Before(u.policy.rotationDue(active)) {
		return Refusal("automatic rotation would schedule the key again at once, " +
			"because the active key has signed for keys.rotate_every: raise that first")
	}

	k.ActivateAt = time.Time{}
	u.record(audit.KeyCancelled, id, operatorRequest)
	return nil
}
