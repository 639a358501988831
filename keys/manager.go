package keys

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/signetd/signet/internal/fresh"
)

// A Manager provides the keys to one process. Signer, CurrentMAC, Set and Rows
// use neither a lock nor the store. PublicKey and MAC use them only for a key
// that the process does not have.
type Manager struct {
	cache   *ringCache
	writer  *writer
	signing *signingQueue
}

// Open reads the ring and, unless NoMaintenance is set, runs the maintenance
// once; in an empty store it generates the first keys. It fails if the KEK file
// does not have every KEK that sealed a key of the ring, unless NoMaintenance
// is set.
func Open(ctx context.Context, options Options) (*Manager, error) {
	options = options.withDefaults()
	cache := newRingCache(options)
	m := &Manager{
		cache: cache, writer: &writer{cache: cache, changing: fresh.NewLock(), observations: newObservations()},
		signing: newSigningQueue(runtime.GOMAXPROCS(0), options.MaxWaiting),
	}
	if err := cache.refresh(ctx); err != nil {
		return nil, err
	}
	if options.NoMaintenance {
		return m, nil // A command must be able to repair a ring with which no server starts.
	}

	if err := cache.snapshot.Load().fault; err != nil {
		return nil, err
	}
	if err := m.writer.maintain(ctx); err != nil {
		return nil, err
	}
	if err := cache.snapshot.Load().fault; err != nil {
		return nil, err // Another server started first, with another KEK.
	}
	return m, nil
}

// Operator returns the methods that change the ring.
func (m *Manager) Operator() *Operator { return &Operator{writer: m.writer} }

// Run polls the store and runs the maintenance, each every PollInterval, until
// ctx ends. Maintenance may take longer than a poll, to generate an RSA key,
// and does not delay the polls.
func (m *Manager) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, step := range []func(context.Context) error{m.cache.refresh, m.writer.maintain} {
		loops.Go(func() {
			ticker := time.NewTicker(m.cache.options.Policy.PollInterval)
			defer ticker.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
					_ = step(ctx) // It has logged its error. Health returns the error of a poll.
				}
			}
		})
	}
	loops.Wait()
}

// Poll polls the store and runs the maintenance once.
func (m *Manager) Poll(ctx context.Context) error {
	if err := m.cache.refresh(ctx); err != nil {
		return err
	}
	return m.writer.maintain(ctx)
}

// Refresh reads the ring from the store if it has changed. Unlike Poll, it
// changes nothing.
func (m *Manager) Refresh(ctx context.Context) error { return m.cache.refresh(ctx) }

// Signer returns the active key of a signing algorithm. It fails with ErrStale
// or ErrNoKey.
func (m *Manager) Signer(algorithm string) (Signer, error) {
	k, u, err := m.active(algorithm)
	if err != nil {
		return Signer{}, err
	}
	if k.Algorithm == MAC {
		return Signer{}, ErrNoKey
	}
	u.signer.signed = m.cache.options.Signed
	if algorithm == RS256 {
		u.signer.queue = m.signing
	}
	return u.signer, nil
}

// NextSigner returns the pre-active key of a signing algorithm that becomes
// active next. Its tokens are for tests of verifiers. It fails with ErrStale,
// or with a Refusal if there is no pre-active key.
func (m *Manager) NextSigner(algorithm string) (Signer, error) {
	if m.cache.stale() {
		return Signer{}, ErrStale
	}
	s := m.cache.snapshot.Load()
	next := s.ring.preActive(algorithm, m.Now())
	if algorithm == MAC || len(next) == 0 {
		return Signer{}, refuse("there is no pre-active %s key", algorithm)
	}
	k := s.ring.Keys[next[0]]
	u, ok := s.unsealed[k.ID]
	if !ok {
		return Signer{}, refuse("the key %s cannot be unsealed", k.ID)
	}
	return u.signer, nil
}

// CurrentMAC returns the active MAC key. It fails with ErrStale or ErrNoKey.
func (m *Manager) CurrentMAC() (id string, secret []byte, err error) {
	k, u, err := m.active(MAC)
	return k.ID, u.secret, err
}

func (m *Manager) active(algorithm string) (Key, unsealed, error) {
	if m.cache.stale() {
		return Key{}, unsealed{}, ErrStale
	}
	s := m.cache.snapshot.Load()
	k, _ := s.schedules[algorithm].active(m.Now())
	u, ok := s.unsealed[k.ID]
	if !ok {
		return Key{}, unsealed{}, ErrNoKey
	}
	return k, u, nil
}

// Ready reports whether an audience may change to an algorithm: a key of it can
// sign, and one has been published for PublishAhead, so verifiers have it.
func (m *Manager) Ready(algorithm string) bool {
	s, now := m.cache.snapshot.Load(), m.Now()
	if _, ok := s.schedules[algorithm].active(now); !ok {
		return false
	}
	publishAhead := m.cache.options.Policy.PublishAhead
	for _, k := range s.ring.Keys {
		if k.Algorithm == algorithm && k.DestroyedAt.IsZero() && !now.Before(k.CreatedAt.Add(publishAhead)) {
			return true
		}
	}
	return false
}

// PublicKey returns a key of the JWK Set and the only algorithm that it
// verifies. If the ring does not have the kid, it first reads the ring from the
// store; see fresh.Reader. It reads nothing for text that is not the kid of a
// generated key, because a hostile kid must cause no work. So an imported key
// with a kid of elsewhere is known after the next poll.
//
// With ErrCompromised and ErrDestroyed it also returns the key: its tokens are
// refused, but a token that it has signed is known as a token of this issuer.
// ErrUnknownKey is final, too. Every other error means that the store did not
// answer or that the key cannot be unsealed.
func (m *Manager) PublicKey(ctx context.Context, kid string) (algorithm string, key crypto.PublicKey, err error) {
	algorithm, key, err = m.cache.snapshot.Load().publicKey(kid)
	if !errors.Is(err, ErrUnknownKey) || !isThumbprint(kid) {
		return algorithm, key, err
	}
	if err := m.cache.again.Read(ctx); err != nil {
		return "", nil, err
	}
	return m.cache.snapshot.Load().publicKey(kid)
}

// MAC returns the MAC key with an id, active or not. It reads the ring and
// returns errors as PublicKey does. With ErrCompromised it also returns the
// secret, by which the holder of a token may end its grant and do nothing else.
func (m *Manager) MAC(ctx context.Context, id string) (secret []byte, err error) {
	secret, err = m.cache.snapshot.Load().mac(id)
	if !errors.Is(err, ErrUnknownKey) {
		return secret, err
	}
	if err := m.cache.again.Read(ctx); err != nil {
		return nil, err
	}
	return m.cache.snapshot.Load().mac(id)
}

// ClockSkew returns Policy.ClockSkew.
func (m *Manager) ClockSkew() time.Duration { return m.cache.options.Policy.ClockSkew }

// Set returns the JWK Set. Its order changes at the moment at which another key
// begins to sign.
func (m *Manager) Set() *Set { return m.cache.snapshot.Load().sets.at(m.Now()) }

// Rows returns the ring as a table.
func (m *Manager) Rows() []Row {
	return m.cache.snapshot.Load().ring.rows(m.cache.options.Policy, m.Now())
}

// Version returns the version of this process's ring.
func (m *Manager) Version() int64 { return m.cache.snapshot.Load().ring.Version }

// Now returns the time by which keys activate: the wall clock without its
// jumps, until they are confirmed.
func (m *Manager) Now() time.Time { return m.cache.clock.now() }

// Age returns how long ago the store last confirmed the ring.
func (m *Manager) Age() time.Duration { return m.cache.age() }

// Health returns nil if this process can sign: its ring is fresh and without
// faults, and has an active signing key.
func (m *Manager) Health() error {
	last := m.cache.last.Load().err
	if errors.Is(last, errRolledBack) {
		return last
	}
	if m.cache.stale() {
		age := m.Age().Truncate(time.Millisecond)
		return errors.Join(fmt.Errorf("%w: the last time was %s ago", ErrStale, age), last)
	}
	if err := m.cache.snapshot.Load().fault; err != nil {
		return err
	}
	for _, algorithm := range signingAlgorithms {
		if _, err := m.Signer(algorithm); err == nil {
			return nil
		}
	}
	return ErrNoKey
}
