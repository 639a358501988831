package keys

import (
	"fmt"
	"slices"
	"time"
)

// forgetAfter is how long the row of a destroyed key is kept for the record.
const forgetAfter = 90 * 24 * time.Hour

// The names of events.
const (
	EventKeyCreated      = "key.created"
	EventKeyImported     = "key.imported"
	EventKeyRotated      = "key.rotated"
	EventKeyCancelled    = "key.cancelled"
	EventKeyRetired      = "key.retired"
	EventKeyCompromised  = "key.compromised"
	EventKeyDestroyed    = "key.destroyed"
	EventKeyResealed     = "key.resealed"
	EventKEKAdded        = "kek.added"
	EventRestoreAccepted = "ring.restore_accepted"
)

type event struct{ name, key, reason string }

// An order is a key that a draft wants made. Making one takes time, so it happens outside of the draft, which stays pure.
type order struct {
	algorithm string
	// activateAt gives the key its date, knowing when it was made.
	activateAt func(Key) time.Time
	// rotates says that the key is to take over from another.
	rotates bool
	reason  string
}

// A draft is a change of the ring in the making. All its methods are pure: they know the ring, the policy and the time
// that it started from, and what they are told.
type draft struct {
	policy  Policy
	now     time.Time
	ring    Ring // as it will be, but for the keys to be made
	orders  []order
	events  []event
	changed bool
}

func (d *draft) note(name, key, reason string) {
	d.events, d.changed = append(d.events, event{name, key, reason}), true
}

func (d *draft) order(o order) { d.orders, d.changed = append(d.orders, o), true }

// Dates of keys to be made.
func always(Key) time.Time { return Always }
func spare(Key) time.Time  { return time.Time{} }

// observed is what the dates alone do not say: what audiences ask for, and what this process has seen for long enough by
// its own clock that does not jump.
type observed struct {
	inUse []string
	// rested says whether the key was seen not to sign for a whole Retention, unused whether nothing asked for the
	// algorithm for a whole Retention.
	rested, unused func(string) bool
}

// tick drafts all that is due.
func (d *draft) tick(o observed) {
	needed := d.needed(o.inUse)
	for _, algorithm := range append(needed, MAC) {
		d.tend(algorithm)
	}
	for _, algorithm := range []string{RS256, ES256, EdDSA} {
		if !slices.Contains(needed, algorithm) && o.unused(algorithm) {
			d.retire(algorithm)
		}
	}
	d.destroy(o.rested)
	d.forget()
}

// needed returns the signing algorithms that must have keys: those that audiences ask for; if none asks, those that the
// ring has; if it has none, RS256, which everybody can verify.
func (d *draft) needed(inUse []string) []string {
	var asked, had []string
	for _, algorithm := range []string{RS256, ES256, EdDSA} {
		if slices.Contains(inUse, algorithm) {
			asked = append(asked, algorithm)
		}
		if _, ok := d.active(algorithm); ok {
			had = append(had, algorithm)
		}
	}
	switch {
	case len(asked) > 0:
		return asked
	case len(had) > 0:
		return had
	}
	return []string{RS256}
}

func (d *draft) active(algorithm string) (Key, bool) {
	return d.ring.succession(algorithm).active(d.now)
}

// tend sees to it that an algorithm has a key that signs and a spare, and that they take turns.
func (d *draft) tend(algorithm string) {
	active, ok := d.active(algorithm)
	if !ok {
		d.begin(algorithm)
	}
	waiting := d.ring.preActive(algorithm, d.now)
	if len(waiting) == 0 {
		d.order(order{algorithm: algorithm, activateAt: spare, reason: "the spare"})
		return
	}
	if next := &d.ring.Keys[waiting[0]]; ok && next.ActivateAt.IsZero() && !d.now.Before(d.due(active)) {
		at, _ := d.soonest(*next)
		next.ActivateAt = latest(at, d.now.Add(d.notice(algorithm)))
		d.note(EventKeyRotated, next.ID, "the active key has signed for keys.rotate_every")
	}
}

// due returns when automatic rotation gives the successor of the active key its date.
func (d *draft) due(active Key) time.Time {
	return latest(active.ActivateAt, active.CreatedAt).Add(d.policy.RotateEvery - d.notice(active.Algorithm))
}

// notice is how long before its date automatic rotation gives a key that date. It is the whole time for which a key must be
// published, although the spare has been for long: so nothing hangs on whether CreatedAt was told by a clock that is right.
func (d *draft) notice(algorithm string) time.Duration {
	return max(d.policy.ahead(algorithm), d.policy.Lead())
}

// begin gives an algorithm a key that signs at once, since no other can. A retired key that has not left the JWK Set signs
// again. Otherwise no key of the algorithm is published, so the next is a first key again; audiences that come over from
// another algorithm wait until it is Ready.
func (d *draft) begin(algorithm string) {
	s := d.ring.succession(algorithm)
	if len(s) == 0 {
		d.order(order{algorithm: algorithm, activateAt: always, reason: "the first key"})
		return
	}
	if last := s[len(s)-1]; !last.RetiredAt.IsZero() && last.CompromisedAt.IsZero() && last.DestroyedAt.IsZero() {
		d.ring.Keys[d.ring.key(last.ID)].RetiredAt = time.Time{}
		d.note(EventKeyRotated, last.ID, "asked for again before it left the JWK Set")
		return
	}
	at := d.atOnce(algorithm)
	d.order(order{algorithm: algorithm, activateAt: func(Key) time.Time { return at }, reason: "no other key can sign"})
}

// atOnce returns a date that has come on every server's clock, and that comes after those of all keys that have signed.
func (d *draft) atOnce(algorithm string) time.Time {
	at := d.now.Add(-2 * d.policy.ClockSkew)
	if s := d.ring.succession(algorithm); s.begun(d.now) > 0 {
		at = latest(at, s[s.begun(d.now)-1].ActivateAt.Add(time.Microsecond))
	}
	return at
}

// soonest returns the first date that a pre-active key may have, and what it waits for.
func (d *draft) soonest(k Key) (at time.Time, reason string) {
	ahead := d.policy.ahead(k.Algorithm)
	published := k.CreatedAt.Add(ahead)
	at = latest(published, d.now.Add(d.policy.Lead()))
	if s := d.ring.succession(k.Algorithm); len(s) > 0 {
		at = latest(at, s[len(s)-1].ActivateAt.Add(time.Microsecond))
	}
	switch {
	case !at.Equal(published):
		return at, fmt.Sprintf("every server learns of the date before it comes (%s)", d.policy.Lead())
	case k.Algorithm == MAC:
		return at, fmt.Sprintf("every server knows the key for %s before it is used", ahead)
	}
	return at, fmt.Sprintf("a key is in the JWK Set for keys.publish_ahead (%s) before it signs", ahead)
}

// retire ends an algorithm that nothing asks for: its key stops signing and leaves the JWK Set in due time, its spare at
// once, since it never signed.
func (d *draft) retire(algorithm string) {
	active, ok := d.active(algorithm)
	if !ok {
		return
	}
	var spares []string
	for _, i := range d.ring.preActive(algorithm, d.now) {
		spares = append(spares, d.ring.Keys[i].ID)
	}
	d.ring.Keys[d.ring.key(active.ID)].RetiredAt = d.now
	d.note(EventKeyRetired, active.ID, "nothing asks for "+algorithm)
	d.ring.Keys = slices.DeleteFunc(d.ring.Keys, func(k Key) bool {
		spare := slices.Contains(spares, k.ID)
		if spare {
			d.note(EventKeyRetired, k.ID, "nothing asks for "+algorithm+"; it never signed")
		}
		return spare
	})
}

// destroy wipes the private halves that are needed no more: by the dates, and by what this process has seen.
func (d *draft) destroy(rested func(string) bool) {
	successions := d.ring.successions()
	for i := range d.ring.Keys {
		k := &d.ring.Keys[i]
		succession := successions[k.Algorithm]
		if s := succession.state(*k, d.now); s != Deactivated && s != Compromised {
			continue
		}
		stopped := succession.stopped(*k)
		if d.now.Before(stopped.Add(d.policy.retention(k.Algorithm))) || !rested(k.ID) {
			continue
		}
		k.DestroyedAt, k.Sealed, k.KEK = d.now, nil, ""
		d.note(EventKeyDestroyed, k.ID, "stopped signing at "+stopped.Format(time.RFC3339))
	}
}

// forget deletes the rows of keys that were destroyed long ago.
func (d *draft) forget() {
	before := len(d.ring.Keys)
	d.ring.Keys = slices.DeleteFunc(d.ring.Keys, func(k Key) bool {
		return !k.DestroyedAt.IsZero() && d.now.Sub(k.DestroyedAt) > forgetAfter
	})
	d.changed = d.changed || len(d.ring.Keys) < before
}

// compromise takes a key out of service at once. If it signs, the pre-active key takes over in the same change, or, if
// there is none, a new one.
func (d *draft) compromise(id, reason string) error {
	i := d.ring.key(id)
	if i < 0 {
		return fmt.Errorf("there is no key %s: %w", id, ErrUnknownKey)
	}
	k := &d.ring.Keys[i]
	was := d.ring.succession(k.Algorithm).state(*k, d.now)
	switch was {
	case Compromised:
		// The panic button may be pressed twice. That changes nothing, but whoever had no answer the first time has a record.
		d.events = append(d.events, event{EventKeyCompromised, id, "it was compromised before"})
		return nil
	case Destroyed:
		return refuse("the key %s was destroyed at %s: what it signed has expired, and nobody can sign with it", id, k.DestroyedAt.Format(time.RFC3339))
	}
	heir := d.ring.preActive(k.Algorithm, d.now)
	k.CompromisedAt = d.now
	d.note(EventKeyCompromised, id, reason)
	if was != Active {
		return nil
	}
	at := d.atOnce(k.Algorithm)
	if len(heir) == 0 {
		d.order(order{algorithm: k.Algorithm, activateAt: func(Key) time.Time { return at }, rotates: true, reason: "takes over from a compromised key"})
		return nil
	}
	next := &d.ring.Keys[heir[0]]
	next.ActivateAt = at
	d.note(EventKeyRotated, next.ID, "takes over from a compromised key")
	return nil
}

// cancel takes the date of a pending key back, so that it is a spare again.
func (d *draft) cancel(id string) error {
	i := d.ring.key(id)
	if i < 0 {
		return fmt.Errorf("there is no key %s: %w", id, ErrUnknownKey)
	}
	k := &d.ring.Keys[i]
	if s := d.ring.succession(k.Algorithm).state(*k, d.now); s != PreActive {
		return refuse("the key %s is %s already: only a pre-active key with a date can be cancelled", id, s)
	}
	if k.ActivateAt.IsZero() {
		return refuse("the key %s is a spare without a date: there is nothing to cancel", id)
	}
	if active, ok := d.active(k.Algorithm); ok && !d.now.Before(d.due(active)) {
		return Refusal("automatic rotation would schedule the key again at once, because the active key has signed for keys.rotate_every: raise that first")
	}
	k.ActivateAt = time.Time{}
	d.note(EventKeyCancelled, id, "asked by the operator")
	return nil
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
