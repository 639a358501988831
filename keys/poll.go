package keys

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errFallen says that the store was put back to a state of before.
var errFallen = errors.New("the key ring in the store is older than the one this server has: the store was restored or lost its tail; " +
	"check which keys are compromised, then run `signet keys --accept-restore`")

// An outcome is how a read of the store ended, and when it began.
type outcome struct {
	at  time.Time
	err error
}

// refresh asks the store where the ring stands and reads it if it moved.
func (m *Manager) refresh(ctx context.Context) error {
	if err := m.reading.take(ctx); err != nil {
		return err
	}
	defer m.reading.leave()
	return m.refreshInTurn(ctx)
}

// refreshUnlessFresh is refresh unless the last read began less than that long ago; then it returns that read's error. The
// read outlives the caller, since others wait for it too.
func (m *Manager) refreshUnlessFresh(ctx context.Context, age time.Duration) error {
	if err := m.reading.take(ctx); err != nil {
		return err
	}
	defer m.reading.leave()
	if last := m.last.Load(); time.Since(last.at) < age {
		return last.err
	}
	return m.refreshInTurn(context.WithoutCancel(ctx))
}

func (m *Manager) refreshInTurn(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, max(m.o.Policy.PollInterval, time.Second))
	defer cancel()
	before, now := m.last.Load(), outcome{at: time.Now()}
	if now.err = m.read(limited); now.err == nil {
		m.confirmed.Store(int64(now.at.Sub(m.started)))
	}
	m.last.Store(&now)
	healthy := before == nil || before.err == nil
	switch {
	case now.err == nil && !healthy:
		m.o.Log.Info("the key ring is confirmed again")
	case now.err != nil && ctx.Err() == nil && (healthy || now.err.Error() != before.err.Error()):
		m.o.Log.Error("the key ring cannot be confirmed", "error", now.err)
	}
	return now.err
}

func (m *Manager) read(ctx context.Context) error {
	v, err := m.o.Store.RingVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the key ring: %w", err)
	}
	m.clock.meet(v.Now)
	s := m.ring.Load()
	if s != nil && m.fell(s.ring, v) {
		return errFallen
	}
	if s != nil && s.fault == nil && v.Version == s.ring.Version && v.Restored == s.ring.Restored {
		return nil
	}
	r, err := m.o.Store.Ring(ctx)
	if err != nil {
		return fmt.Errorf("read the key ring: %w", err)
	}
	if s != nil && r.Restored == s.ring.Restored && (r.Version < s.ring.Version || s.ring.forgets(r)) {
		m.fallen = &Version{Version: r.Version, Restored: r.Restored}
		return errFallen
	}
	return m.install(r)
}

// fell says whether the store is behind the ring that this process has. Once it was, it stays so, even if it overtakes,
// until an operator accepts what the store has now.
func (m *Manager) fell(own Ring, v Version) bool {
	switch {
	case m.fallen != nil:
		if v.Restored > m.fallen.Restored {
			m.o.Log.Warn("an operator accepted the restored key ring", "version", v.Version)
			m.fallen = nil
		}
	case v.Restored < own.Restored, v.Restored == own.Restored && v.Version < own.Version:
		m.fallen = &v
	}
	return m.fallen != nil
}

// adopt installs a ring that this process has just put into the store.
func (m *Manager) adopt(ctx context.Context, r Ring) error {
	if m.reading.take(ctx) != nil {
		return nil // The change is made, and the next poll finds it.
	}
	defer m.reading.leave()
	if m.ring.Load().ring.Version >= r.Version {
		return nil // A poll came first, and may have found something newer.
	}
	return m.install(r)
}

// install makes a ring the one that this process goes by.
func (m *Manager) install(r Ring) error {
	before, keks := m.ring.Load(), m.o.KEKs
	if before != nil {
		keks = before.keks
	}
	if m.o.ReadKEKs != nil && r.names(keks) {
		switch again, err := m.o.ReadKEKs(); {
		case err == nil:
			keks = again
		case before == nil || before.fault == nil:
			m.o.Log.Error("the KEK file cannot be read again", "error", err)
		}
	}
	s, err := newSnapshot(r, keks, m.o.Policy, before)
	if err != nil {
		return err
	}
	if s.fault != nil && (before == nil || before.fault == nil || before.fault.Error() != s.fault.Error()) {
		m.o.Log.Error("the key ring cannot be used whole", "error", s.fault)
	}
	m.ring.Store(s)
	m.clock.ringChanged()
	return nil
}
