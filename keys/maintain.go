package keys

import (
	"slices"
	"time"

	"github.com/signetd/signet/internal/audit"
)

// An observation is what the ring alone does not show: the algorithms of
// audiences, and what this process has observed for long enough.
type observation struct {
	inUse []string
	// inactive reports whether a key did not sign while the last token that it
	// can have signed was valid, and unused whether no audience used an
	// algorithm for a whole Policy.Retention.
	inactive, unused func(string) bool
}

// maintain makes all changes that are due.
func (u *update) maintain(o observation) {
	needed := u.ring.neededAlgorithms(o.inUse, u.now)
	for _, algorithm := range append(needed, MAC) {
		u.ensureKeys(algorithm)
	}
	for _, algorithm := range signingAlgorithms {
		if !slices.Contains(needed, algorithm) && o.unused(algorithm) {
			u.retire(algorithm)
		}
	}
	u.recordLifetimes()
	u.destroyKeys(o.inactive)
	u.deleteOldRows()
}

// ensureKeys gives an algorithm an active key and a spare, and sets the spare's
// activation date when the active key is due for rotation.
func (u *update) ensureKeys(algorithm string) {
	active, ok := u.active(algorithm)
	if !ok {
		u.ensureActive(algorithm)
	}

	preActive := u.ring.preActive(algorithm, u.now)
	if len(preActive) == 0 {
		u.request(keyRequest{algorithm: algorithm, activateAt: activateAt(time.Time{}), reason: "the spare"})
		return
	}

	next := &u.ring.Keys[preActive[0]]
	if ok && next.ActivateAt.IsZero() && !u.now.Before(u.policy.rotationDue(active)) {
		at, _ := u.earliestDate(*next)
		next.ActivateAt = latest(at, u.now.Add(u.policy.rotationNotice(algorithm)))
		u.record(audit.KeyRotated, next.ID, "the active key has signed for keys.rotate_every")
	}
}

// ensureActive gives an algorithm without an active key one that signs at once.
// If its last key is retired but still in the JWK Set, that key becomes active
// again. Otherwise no key of the algorithm is published, and a new key signs
// without the publication time. Audiences that change to the algorithm wait
// until Manager.Ready.
func (u *update) ensureActive(algorithm string) {
	s := u.ring.schedule(algorithm)
	if len(s) == 0 {
		u.request(keyRequest{algorithm: algorithm, activateAt: activateAt(Always), reason: "the first key"})
		return
	}

	if last := s[len(s)-1]; !last.RetiredAt.IsZero() && last.CompromisedAt.IsZero() && last.DestroyedAt.IsZero() {
		u.ring.Keys[u.ring.index(last.ID)].RetiredAt = time.Time{}
		u.record(audit.KeyRotated, last.ID, "used again while still published")
		return
	}

	at := u.immediateDate(algorithm)
	u.request(keyRequest{algorithm: algorithm, activateAt: activateAt(at), reason: "no other key can sign"})
}

// retire ends the use of an algorithm. Its active key stops signing and leaves
// the JWK Set after the retention. Its pre-active keys have signed nothing, so
// they are deleted at once.
func (u *update) retire(algorithm string) {
	active, ok := u.active(algorithm)
	if !ok {
		return
	}
	var preActive []string
	for _, i := range u.ring.preActive(algorithm, u.now) {
		preActive = append(preActive, u.ring.Keys[i].ID)
	}

	u.ring.Keys[u.ring.index(active.ID)].RetiredAt = u.now
	u.record(audit.KeyRetired, active.ID, "no audience uses "+algorithm)
	u.ring.Keys = slices.DeleteFunc(u.ring.Keys, func(k Key) bool {
		remove := slices.Contains(preActive, k.ID)
		if remove {
			u.record(audit.KeyRetired, k.ID, "no audience uses "+algorithm+"; never signed")
		}
		return remove
	})
}

// recordLifetimes raises the lifetime of the keys that can sign, now or later,
// to that of the policy. The keys keep a longer lifetime when the policy's
// becomes shorter, or when another server has an older configuration. It sets
// the lifetime of all keys that earlier versions stored.
func (u *update) recordLifetimes() {
	schedules := u.ring.schedules()
	for i := range u.ring.Keys {
		k := &u.ring.Keys[i]
		s := schedules[k.Algorithm].state(*k, u.now)
		canSign := s == Active || s == PreActive
		if now := u.policy.lifetime(k.Algorithm); s != Destroyed && (k.Lifetime == 0 || canSign && k.Lifetime < now) {
			k.Lifetime, u.changed = now, true
		}
	}
}

// destroyKeys erases the private keys that are not needed any more, by their
// dates and also by what this process has observed.
func (u *update) destroyKeys(inactive func(string) bool) {
	schedules := u.ring.schedules()
	for i := range u.ring.Keys {
		k := &u.ring.Keys[i]
		schedule := schedules[k.Algorithm]
		if s := schedule.state(*k, u.now); s != Deactivated && s != Compromised {
			continue
		}
		stopped := schedule.stopsAt(*k)
		if u.now.Before(schedule.keptUntil(u.policy, *k, stopped)) || !inactive(k.ID) {
			continue
		}
		k.DestroyedAt, k.Sealed, k.KEK = u.now, nil, ""
		u.record(audit.KeyDestroyed, k.ID, "stopped signing at "+stopped.Format(time.RFC3339))
	}
}

// deleteOldRows deletes the rows of keys that were destroyed more than
// recordRetention ago.
func (u *update) deleteOldRows() {
	before := len(u.ring.Keys)
	u.ring.Keys = slices.DeleteFunc(u.ring.Keys, func(k Key) bool {
		return !k.DestroyedAt.IsZero() && u.now.Sub(k.DestroyedAt) > recordRetention
	})
	u.changed = u.changed || len(u.ring.Keys) < before
}
