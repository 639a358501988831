package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxTurns bounds how often a tick looks again whether anything is due.
const maxTurns = 10

// tick makes what is due. To lose a race is success: somebody else did the work, and what is still due is looked at anew.
func (m *Manager) tick(ctx context.Context) error {
	if m.o.Operator {
		return nil
	}
	if err := m.changing.take(ctx); err != nil {
		return err
	}
	defer m.changing.leave()
	for range maxTurns {
		if m.last.Load().err != nil || m.Age() > m.o.Policy.MaxRingAge() {
			return nil // What is due is decided on a fresh ring only. Whoever read it has told the error.
		}
		d := m.draft()
		if err := m.sealWith(d, m.ring.Load().keks.Newest(), len(d.ring.KEKs) == 0); err != nil {
			return err
		}
		d.tick(m.seen.look(d, m.o.InUse()))
		if !d.changed {
			return nil
		}
		err := m.commit(ctx, Actor{}, d)
		if errors.Is(err, ErrRaced) {
			err = m.refresh(ctx)
		}
		if err != nil {
			if ctx.Err() == nil {
				m.o.Log.Error("what is due in the key ring cannot be made, or not be recorded", "error", err)
			}
			return err
		}
	}
	return nil
}

// change makes a change that an operator asks for, on the ring as the store has it, however many others change it too.
func (m *Manager) change(ctx context.Context, by Actor, edit func(*draft) error) error {
	if err := m.changing.take(ctx); err != nil {
		return err
	}
	defer m.changing.leave()
	for {
		if err := m.refresh(ctx); err != nil {
			return err
		}
		d := m.draft()
		if err := edit(d); err != nil {
			return err
		}
		if !d.changed {
			return m.record(by, d.events)
		}
		if err := m.commit(ctx, by, d); !errors.Is(err, ErrRaced) {
			return err
		}
	}
}

func (m *Manager) draft() *draft {
	return &draft{policy: m.o.Policy, now: m.clock.now(), ring: m.ring.Load().ring.clone()}
}

// commit makes the keys that the draft orders, puts the draft into the store, unless the ring has changed meanwhile
// (ErrRaced), goes by it from now on, and tells the audit.
func (m *Manager) commit(ctx context.Context, by Actor, d *draft) error {
	made := make([]Key, len(d.orders))
	for i, o := range d.orders {
		k, err := m.makeKey(d.ring, o.algorithm)
		if err != nil {
			return fmt.Errorf("make a key for %s: %w", o.algorithm, err)
		}
		made[i] = k
		d.note(EventKeyCreated, k.ID, o.reason)
		if o.rotates {
			d.note(EventKeyRotated, k.ID, o.reason)
		}
	}
	swapping, cancel := context.WithTimeout(ctx, swapTimeout)
	defer cancel()
	created := m.clock.now()
	for i := range made {
		made[i].CreatedAt = created
		made[i].ActivateAt = d.orders[i].activateAt(made[i])
	}
	d.ring.Keys = append(d.ring.Keys, made...)
	from := d.ring.Version
	if err := m.o.Store.SwapRing(swapping, from, d.ring); err != nil {
		return fmt.Errorf("change the key ring: %w", err)
	}
	for _, e := range d.events {
		m.o.Log.Info("the key ring changed", "event", e.name, "kid", e.key, "reason", e.reason)
	}
	d.ring.Version = from + 1
	return errors.Join(m.adopt(ctx, d.ring), m.record(by, d.events))
}

// record tells the audit what was done: all of it, whatever the audit says of a part.
func (m *Manager) record(by Actor, events []event) error {
	var faults []error
	for _, e := range events {
		err := m.o.Audit(Event{Name: e.name, Time: m.o.Now(), By: by, Key: e.key, Reason: e.reason})
		if err != nil {
			faults = append(faults, fmt.Errorf("audit %s, which was done: %w", e.name, err))
		}
	}
	return errors.Join(faults...)
}

// makeKey makes a key and seals it with the newest KEK of the ring.
func (m *Manager) makeKey(r Ring, algorithm string) (Key, error) {
	k, private, err := generate(algorithm, m.o.Policy.RSABits)
	if err != nil {
		return Key{}, err
	}
	kek, _ := r.newestKEK()
	k.KEK = kek.ID
	k.Sealed, err = m.ring.Load().keks.Seal(kek.ID, k.label(), private)
	return k, err
}

// sightings are what this process has seen by its monotonic clock: since when a key does not sign, and since when nothing
// asks for an algorithm. A restart begins anew, which only makes keys stay longer.
type sightings struct{ resting, unused map[string]time.Time }

func (s *sightings) look(d *draft, inUse []string) observed {
	if s.resting == nil {
		s.resting, s.unused = make(map[string]time.Time), make(map[string]time.Time)
	}
	now := time.Now()
	see := func(seen map[string]time.Time, name string, holds bool) {
		if _, ok := seen[name]; !holds {
			delete(seen, name)
		} else if !ok {
			seen[name] = now
		}
	}
	successions := d.ring.successions()
	for _, k := range d.ring.Keys {
		state := successions[k.Algorithm].state(k, d.now)
		see(s.resting, k.ID, state == Deactivated || state == Compromised)
	}
	needed := d.needed(inUse)
	for _, algorithm := range []string{RS256, ES256, EdDSA} {
		see(s.unused, algorithm, !slices.Contains(needed, algorithm))
	}
	long := func(seen map[string]time.Time) func(string) bool {
		return func(name string) bool {
			since, ok := seen[name]
			return ok && now.Sub(since) >= d.policy.Retention()
		}
	}
	return observed{inUse: inUse, rested: long(s.resting), unused: long(s.unused)}
}
