package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/seal"
)

// An Operator makes the changes of the ring that a person requests, at a shell
// or through the admin API. When a method returns no error, the change is in
// the store and in the audit log. Other servers follow within one poll.
type Operator struct{ writer *writer }

// RotateOptions configures Rotate.
type RotateOptions struct {
	// All rotates the MAC in addition to all signing algorithms in use. The
	// caller names no algorithms.
	All bool
	// Plan returns the plan and changes nothing.
	Plan bool
	// Now skips the waiting times. The plan warns of the consequences.
	Now bool
}

// Rotate sets the activation date of each algorithm's next key, which is
// published before it signs, and returns the timeline. No algorithms means all
// signing algorithms in use that have an active key. A next key that already
// has a date keeps it, unless Now is set.
func (o *Operator) Rotate(
	ctx context.Context, by audit.Actor, algorithms []string, options RotateOptions,
) (Plan, error) {
	var plan Plan
	err := o.writer.apply(ctx, by, func(u *update) error {
		plan = Plan{}
		needed := u.ring.neededAlgorithms(o.writer.cache.options.InUse(), u.now)
		chosen := algorithms
		if len(chosen) == 0 {
			// An algorithm that came into use a moment ago may have no key yet.
			chosen = slices.DeleteFunc(slices.Clone(needed), func(algorithm string) bool {
				_, ok := u.active(algorithm)
				return !ok
			})
		}
		if options.All {
			chosen = append(chosen, MAC)
		}
		if len(chosen) == 0 {
			return Refusal("there is no signing key to rotate: servers generate the first ones when they start")
		}

		for _, algorithm := range chosen {
			if algorithm != MAC && !slices.Contains(needed, algorithm) {
				return refuse("no audience uses %s: in use are %v", algorithm, needed)
			}
			one, err := u.rotate(algorithm, options.Now)
			if err != nil {
				return err
			}
			plan.Steps = append(plan.Steps, one.Steps...)
			plan.Warnings = append(plan.Warnings, one.Warnings...)
		}
		if slices.ContainsFunc(chosen, func(algorithm string) bool { return algorithm != MAC }) {
			plan.Warnings = append(plan.Warnings, o.writer.cache.options.Policy.Warnings()...)
		}
		if options.Plan {
			u.changed, u.events = false, nil
		}
		return nil
	})
	if err != nil {
		return Plan{}, err
	}
	slices.SortStableFunc(plan.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return plan, nil
}

// Cancel removes the activation date of a pre-active key, which becomes a spare
// again. It returns a Refusal if the key is not pre-active, has no date, or is
// due for automatic rotation.
func (o *Operator) Cancel(ctx context.Context, by audit.Actor, id string) error {
	return o.writer.apply(ctx, by, func(u *update) error { return u.cancel(id) })
}

// Compromise marks a key as compromised: it leaves the JWK Set, and its tokens
// are rejected. If the key is active, a pre-active key becomes active in the
// same change. If it is a MAC key, all refresh tokens under it are rejected.
// Compromise cannot be undone. A second call for the same key is no error and
// is audited again.
func (o *Operator) Compromise(ctx context.Context, by audit.Actor, id string) error {
	return o.writer.apply(ctx, by, func(u *update) error { return u.compromise(id, operatorRequest) })
}

// AcceptRestore makes servers accept the ring of a restored store, which is
// older than theirs.
func (o *Operator) AcceptRestore(ctx context.Context, by audit.Actor) error {
	w := o.writer
	if err := w.changing.Acquire(ctx); err != nil {
		return err
	}
	defer w.changing.Release()

	store := w.cache.options.Store
	for {
		r, err := store.Ring(ctx)
		if err != nil {
			return fmt.Errorf("read the key ring: %w", err)
		}
		r.Restored = max(r.Restored, w.cache.snapshot.Load().ring.Restored) + 1
		err = store.SwapRing(ctx, r.Version, r, nil)
		if errors.Is(err, ErrRaced) {
			continue
		}
		if err != nil {
			return fmt.Errorf("change the key ring: %w", err)
		}
		events := []event{{audit.RestoreAccepted, "", operatorRequest}}
		return errors.Join(w.cache.refresh(ctx), w.audit(ctx, by, events))
	}
}

// AddKEK makes a KEK of the KEK file the one that seals new keys. Every server
// must have it in its KEK file before.
func (o *Operator) AddKEK(ctx context.Context, by audit.Actor, id string) error {
	return o.writer.apply(ctx, by, func(u *update) error { return o.writer.addKEK(u, id) })
}

// Reseal seals all keys with the newest KEK, so that the older KEKs can be
// deleted from the KEK file. It returns how many keys are still sealed by an
// older KEK because they could not be unsealed. The log has the reasons.
func (o *Operator) Reseal(ctx context.Context, by audit.Actor) (remaining int, err error) {
	err = o.writer.apply(ctx, by, func(u *update) error {
		var resealed int
		var err error
		resealed, remaining, err = o.reseal(u, o.writer.keks())
		if resealed > 0 {
			u.record(audit.KeyResealed, "", fmt.Sprintf("%d keys", resealed))
		}
		return err
	})
	return remaining, err
}

func (o *Operator) reseal(u *update, keks *seal.KEKs) (resealed, remaining int, err error) {
	newest, ok := u.ring.newestKEK()
	if !ok {
		return 0, 0, nil
	}

	used := map[string]bool{newest.ID: true}
	for i := range u.ring.Keys {
		k := &u.ring.Keys[i]
		if k.Sealed == nil || k.KEK == newest.ID {
			continue
		}
		private, err := keks.Open(k.KEK, k.label(), k.Sealed)
		if err != nil {
			o.writer.cache.options.Log.Error("a key cannot be resealed", "kid", k.ID, "error", err)
			used[k.KEK] = true
			remaining++
			continue
		}
		if k.Sealed, err = keks.Seal(newest.ID, k.label(), private); err != nil {
			return 0, 0, err
		}
		k.KEK = newest.ID
		resealed++
	}

	before := len(u.ring.KEKs)
	u.ring.KEKs = slices.DeleteFunc(u.ring.KEKs, func(k KEK) bool { return !used[k.ID] })
	u.changed = u.changed || len(u.ring.KEKs) < before
	return resealed, remaining, nil
}
