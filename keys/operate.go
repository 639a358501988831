package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signetd/signet/internal/seal"
)

// RotateOptions say how to rotate.
type RotateOptions struct {
	// Plan only tells what would happen.
	Plan bool
	// Now skips the waits; the plan warns of what may break.
	Now bool
}

// A Refusal says why the ring, as it is, does not allow a change. It is about the ring alone, so that whoever may ask for the
// change may read it.
type Refusal string

// Error returns the reason.
func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }

// Rotate hands over to the next key of each algorithm, which is published before it signs, and returns the timeline. No
// algorithm means all signing algorithms in use that have a key. A hand-over that is pending already stays as it is, unless
// Now is set.
func (m *Manager) Rotate(ctx context.Context, by Actor, algorithms []string, o RotateOptions) (Plan, error) {
	var plan Plan
	err := m.change(ctx, by, func(d *draft) error {
		plan = Plan{}
		needed := d.needed(m.o.InUse())
		chosen := algorithms
		if len(chosen) == 0 { // one that was asked for just now has its first key still to come, and nothing to rotate
			chosen = slices.DeleteFunc(slices.Clone(needed), func(algorithm string) bool {
				_, ok := d.active(algorithm)
				return !ok
			})
		}
		if len(chosen) == 0 {
			return Refusal("there is no signing key to rotate: servers make the first ones when they start")
		}
		for _, algorithm := range chosen {
			if algorithm != MAC && !slices.Contains(needed, algorithm) {
				return refuse("nothing uses %s: in use are %v", algorithm, needed)
			}
			one, err := d.rotate(algorithm, o.Now)
			if err != nil {
				return err
			}
			plan.Steps = append(plan.Steps, one.Steps...)
			plan.Warnings = append(plan.Warnings, one.Warnings...)
		}
		if o.Plan {
			d.changed, d.events = false, nil
		}
		return nil
	})
	if err != nil {
		return Plan{}, err
	}
	slices.SortStableFunc(plan.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return plan, nil
}

// Cancel takes the date of a pre-active key back, so that it is a spare again. It refuses a key that is active already or
// has no date.
func (m *Manager) Cancel(ctx context.Context, by Actor, id string) error {
	return m.change(ctx, by, func(d *draft) error { return d.cancel(id) })
}

// Compromise takes a key out of service: it leaves the JWK Set, and what it signed is refused; every server follows within
// a poll. If it signs, a pre-active key takes over in the same change. All refresh tokens under a compromised MAC key are
// refused. It cannot be undone, and saying it twice is no error and is recorded twice.
func (m *Manager) Compromise(ctx context.Context, by Actor, id string) error {
	return m.change(ctx, by, func(d *draft) error { return d.compromise(id, "asked by the operator") })
}

// AcceptRestore makes servers accept a ring that is older than theirs, after a restore of the store.
func (m *Manager) AcceptRestore(ctx context.Context, by Actor) error {
	if err := m.changing.take(ctx); err != nil {
		return err
	}
	defer m.changing.leave()
	for {
		r, err := m.o.Store.Ring(ctx)
		if err != nil {
			return fmt.Errorf("read the key ring: %w", err)
		}
		r.Restored = max(r.Restored, m.ring.Load().ring.Restored) + 1
		err = m.o.Store.SwapRing(ctx, r.Version, r)
		if errors.Is(err, ErrRaced) {
			continue
		}
		if err != nil {
			return fmt.Errorf("change the key ring: %w", err)
		}
		return errors.Join(m.refresh(ctx), m.record(by, []event{{EventRestoreAccepted, "", "asked by the operator"}}))
	}
}

// Rows returns the ring as a table.
func (m *Manager) Rows() []Row { return m.ring.Load().ring.rows(m.o.Policy, m.clock.now()) }

// AddKEK makes a KEK of the KEK file the one that seals from now on. Every server must have it in its KEK file before.
func (m *Manager) AddKEK(ctx context.Context, by Actor, id string) error {
	return m.change(ctx, by, func(d *draft) error { return m.sealWith(d, id, true) })
}

// sealWith drafts, if asked to, that a KEK is the newest of the ring.
func (m *Manager) sealWith(d *draft, id string, wanted bool) error {
	newest, ok := d.ring.newestKEK()
	if !wanted || ok && newest.ID == id {
		return nil
	}
	check, err := m.ring.Load().keks.Check(id)
	if err != nil {
		return err
	}
	d.ring.KEKs = slices.DeleteFunc(d.ring.KEKs, func(k KEK) bool { return k.ID == id })
	d.ring.KEKs = append(d.ring.KEKs, KEK{ID: id, Check: check, CreatedAt: latest(d.now, newest.CreatedAt.Add(time.Microsecond))})
	d.note(EventKEKAdded, "", "the KEK "+id+" seals from now on")
	return nil
}

// Reseal seals everything with the newest KEK, so that the others can be deleted from the KEK file. It returns how many
// keys remain under others because they could not be opened; the log says why.
func (m *Manager) Reseal(ctx context.Context, by Actor) (remaining int, err error) {
	err = m.change(ctx, by, func(d *draft) error {
		var done int
		var err error
		done, remaining, err = m.reseal(d, m.ring.Load().keks)
		if done > 0 {
			d.note(EventKeyResealed, "", fmt.Sprintf("%d keys", done))
		}
		return err
	})
	return remaining, err
}

func (m *Manager) reseal(d *draft, keks *seal.KEKs) (done, remaining int, err error) {
	newest, ok := d.ring.newestKEK()
	if !ok {
		return 0, 0, nil
	}
	inUse := map[string]bool{newest.ID: true}
	for i := range d.ring.Keys {
		k := &d.ring.Keys[i]
		if k.Sealed == nil || k.KEK == newest.ID {
			continue
		}
		private, err := keks.Open(k.KEK, k.label(), k.Sealed)
		if err != nil {
			m.o.Log.Error("a key cannot be resealed", "kid", k.ID, "error", err)
			inUse[k.KEK] = true
			remaining++
			continue
		}
		if k.Sealed, err = keks.Seal(newest.ID, k.label(), private); err != nil {
			return 0, 0, err
		}
		k.KEK = newest.ID
		done++
	}
	before := len(d.ring.KEKs)
	d.ring.KEKs = slices.DeleteFunc(d.ring.KEKs, func(k KEK) bool { return !inUse[k.ID] })
	d.changed = d.changed || len(d.ring.KEKs) < before
	return done, remaining, nil
}
