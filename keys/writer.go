package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/fresh"
	"github.com/signetd/signet/internal/seal"
)

// maxUpdates is how many updates one call of maintain makes at most.
const maxUpdates = 10

// swapTimeout limits a write of the ring. A write that was delayed for longer
// must not set dates that have passed.
const swapTimeout = 5 * time.Second

// A writer changes the ring in the store: automatically, and when an Operator
// requests it.
type writer struct {
	cache *ringCache
	// changing is held during a change. It guards observations.
	changing     fresh.Lock
	observations observations
}

// maintain makes the changes that are due. A lost race is not an error: another
// server has changed the ring, and maintain decides again.
func (w *writer) maintain(ctx context.Context) error {
	options := &w.cache.options
	if options.NoMaintenance {
		return nil
	}
	if err := w.changing.Acquire(ctx); err != nil {
		return err
	}
	defer w.changing.Release()

	for range maxUpdates {
		if w.cache.last.Load().err != nil || w.cache.stale() {
			return nil // Only a fresh ring shows what is due. The poll has logged the error.
		}
		u := w.newUpdate()
		if len(u.ring.KEKs) == 0 {
			if err := w.addKEK(u, w.keks().Newest()); err != nil {
				return err
			}
		}
		u.maintain(w.observations.observe(u.ring, u.policy, u.now, options.InUse()))
		if !u.changed {
			return nil
		}

		err := w.commit(ctx, audit.Actor{}, u)
		if errors.Is(err, ErrRaced) {
			err = w.cache.refresh(ctx)
		}
		if err != nil {
			if ctx.Err() == nil {
				options.Log.Error("maintenance of the key ring failed", "error", err)
			}
			return err
		}
	}
	return nil
}

// apply makes a change that an operator requests. It reads the ring from the
// store first, and again after each lost race.
func (w *writer) apply(ctx context.Context, by audit.Actor, edit func(*update) error) error {
	if err := w.changing.Acquire(ctx); err != nil {
		return err
	}
	defer w.changing.Release()

	for {
		if err := w.cache.refresh(ctx); err != nil {
			return err
		}
		u := w.newUpdate()
		if err := edit(u); err != nil {
			return err
		}
		if !u.changed {
			return w.audit(ctx, by, u.events)
		}
		if err := w.commit(ctx, by, u); !errors.Is(err, ErrRaced) {
			return err
		}
	}
}

// newUpdate returns an empty update of the present ring.
func (w *writer) newUpdate() *update {
	return &update{policy: w.cache.options.Policy, now: w.cache.clock.now(), ring: w.cache.snapshot.Load().ring.clone()}
}

// commit generates the requested keys, writes the ring to the store, makes it
// the ring of this process, and audits the change. It returns ErrRaced if the
// ring in the store has changed.
func (w *writer) commit(ctx context.Context, by audit.Actor, u *update) error {
	generated := make([]Key, len(u.requests))
	for i, r := range u.requests {
		k, err := w.generateKey(u.ring, r.algorithm)
		if err != nil {
			return fmt.Errorf("generate a key for %s: %w", r.algorithm, err)
		}
		generated[i] = k
		u.record(audit.KeyCreated, k.ID, r.reason)
		if r.rotates {
			u.record(audit.KeyRotated, k.ID, r.reason)
		}
	}

	limited, cancel := context.WithTimeout(ctx, swapTimeout)
	defer cancel()
	created := w.cache.clock.now()
	for i := range generated {
		generated[i].CreatedAt = created
		generated[i].ActivateAt = u.requests[i].activateAt(generated[i])
		generated[i].Lifetime = u.policy.lifetime(generated[i].Algorithm)
	}
	u.ring.Keys = append(u.ring.Keys, generated...)
	from := u.ring.Version
	if err := w.cache.options.Store.SwapRing(limited, from, u.ring, u.compromised); err != nil {
		return fmt.Errorf("change the key ring: %w", err)
	}

	for _, e := range u.events {
		w.cache.options.Log.Info("the key ring changed", "change", e.name, "kid", e.key, "reason", e.reason)
	}
	u.ring.Version = from + 1
	return errors.Join(w.cache.adopt(ctx, u.ring), w.audit(ctx, by, u.events))
}

// audit passes all events to Options.Audit, even if it returns an error for
// one.
func (w *writer) audit(ctx context.Context, by audit.Actor, events []event) error {
	var errs []error
	for _, e := range events {
		record := audit.Event{Name: e.name, Time: w.cache.options.Now(), Actor: by, Key: e.key, Reason: e.reason}
		if err := w.cache.options.Audit(ctx, record); err != nil {
			errs = append(errs, fmt.Errorf("audit %s, which is done: %w", e.name, err))
		}
	}
	return errors.Join(errs...)
}

// generateKey generates a key and seals it.
func (w *writer) generateKey(r Ring, algorithm string) (Key, error) {
	k, private, err := generate(algorithm, w.cache.options.Policy.RSABits)
	if err != nil {
		return Key{}, err
	}
	k.KEK, k.Sealed, err = w.seal(r, k, private)
	return k, err
}

// seal seals a private key with the newest KEK of the ring.
func (w *writer) seal(r Ring, k Key, private []byte) (kek string, sealed []byte, err error) {
	newest, _ := r.newestKEK()
	sealed, err = w.keks().Seal(newest.ID, k.label(), private)
	return newest.ID, sealed, err
}

// addKEK makes a KEK of the KEK file the one that seals new keys.
func (w *writer) addKEK(u *update, id string) error {
	check, err := w.keks().CheckValue(id)
	if err != nil {
		return err
	}
	u.addKEK(id, check)
	return nil
}

// keks returns the KEKs of the KEK file as it was last read.
func (w *writer) keks() *seal.KEKs { return w.cache.snapshot.Load().keks }
