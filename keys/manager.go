package keys

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/seal"
)

// What a Manager says instead of a key. The caller decides what its own client hears.
var (
	// ErrNoKey says that no key of the algorithm can sign here.
	ErrNoKey = errors.New("no key can sign")
	// ErrStale says that the store has not confirmed the ring lately, so that a key of it may be compromised by now.
	ErrStale = errors.New("the store has not confirmed the key ring lately")
	// ErrUnknownKey says that the ring, just confirmed, has no such key, or that it is destroyed.
	ErrUnknownKey = errors.New("no such key")
	// ErrCompromised says that the key was declared compromised.
	ErrCompromised = errors.New("the key is compromised")
)

// Options are what a Manager needs. The composition root sets them.
type Options struct {
	// Store keeps the ring. Required.
	Store Store
	// KEKs are those of the KEK file. Required.
	KEKs *seal.KEKs
	// ReadKEKs reads the KEK file again; it is called when the ring names a KEK that is not among the known. nil means that
	// the file never changes while the program runs.
	ReadKEKs func() (*seal.KEKs, error)
	// Policy is what the operator decides. Required; see Policy.Validate.
	Policy Policy
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// StoreClock says that the store's clock is that of another machine, as with Postgres.
	StoreClock bool
	// InUse returns the algorithms that audiences ask for, that of before included while a new one is not Ready. It must not
	// wait. nil, and an empty answer, mean that none is known: nothing is retired then.
	InUse func() []string
	// Operator is set by commands that run beside servers: Open and Poll then only read, and change nothing by themselves.
	Operator bool
	// Log gets what an operator should know; nil means nowhere.
	Log *slog.Logger
	// Audit is told of every change that was made, before whoever asked for it has an answer; its error is theirs, and the
	// change stands: a full audit log must not keep a stolen key in service. nil means that nobody is told.
	Audit func(Event) error
	// Signed is told of every signature how long it took; nil means that nobody is told.
	Signed func(algorithm string, took time.Duration)
}

// An Event is a change of the ring, as an auditor learns of it.
type Event struct {
	// Name is dotted and in the past tense, such as key.rotated.
	Name string
	Time time.Time
	// By is who asked for the change; zero for what was due by itself.
	By Actor
	// Key is the kid; empty for what concerns the ring as a whole.
	Key    string
	Reason string
}

// An Actor is who asks for a change: an operator at a shell, or a caller of an admin call.
type Actor struct {
	Name      string
	RequestID string
}

// swapTimeout bounds a change in the store, so that one that was held up does not come to pass with dates of before.
const swapTimeout = 5 * time.Second

// A Manager has the ring of one process. Its reads (Signer, Set, …) need no lock and no store.
type Manager struct {
	o     Options
	clock steady

	changing turn // one change at a time; it guards seen
	seen     sightings

	reading turn     // one read of the store at a time; it guards the clock's jump and fallen
	fallen  *Version // what the store said when its version fell; nil in health

	ring      atomic.Pointer[snapshot]
	last      atomic.Pointer[outcome] // of the last read
	started   time.Time
	confirmed atomic.Int64 // when the store last confirmed the ring, as a time.Duration since started
}

// A turn is a lock for what may take long: whoever waits for it can give up.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) leave() { <-t }

// Open reads the ring and, unless it is an operator's, makes what is due: in an empty store the first keys. It refuses to
// start without the KEK that seals, and without any KEK that has sealed a key of the ring.
func Open(ctx context.Context, o Options) (*Manager, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.InUse == nil {
		o.InUse = func() []string { return nil }
	}
	if o.Audit == nil {
		o.Audit = func(Event) error { return nil }
	}
	m := &Manager{o: o, started: time.Now(), changing: make(turn, 1), reading: make(turn, 1)}
	m.clock = steady{policy: o.Policy, wall: o.Now, independent: o.StoreClock, log: o.Log}
	if err := m.refresh(ctx); err != nil {
		return nil, err
	}
	if o.Operator {
		return m, nil // A command must be able to help where a server refuses to start.
	}
	if err := m.ring.Load().fault; err != nil {
		return nil, err
	}
	if err := m.tick(ctx); err != nil {
		return nil, err
	}
	if err := m.ring.Load().fault; err != nil {
		return nil, err // Another first start came first, with another KEK.
	}
	return m, nil
}

// Run polls the store and makes what is due, both every PollInterval, until ctx ends. Making an RSA key may take longer
// than a poll and does not hold it up.
func (m *Manager) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, step := range []func(context.Context) error{m.refresh, m.tick} {
		loops.Go(func() {
			ticker := time.NewTicker(m.o.Policy.PollInterval)
			defer ticker.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
					_ = step(ctx) // It has logged its error, and Health tells it.
				}
			}
		})
	}
	loops.Wait()
}

// Poll is one turn of Run.
func (m *Manager) Poll(ctx context.Context) error {
	if err := m.refresh(ctx); err != nil {
		return err
	}
	return m.tick(ctx)
}

// Signer returns the active key of a signing algorithm. It fails with ErrStale or ErrNoKey.
func (m *Manager) Signer(algorithm string) (Signer, error) {
	k, o, err := m.active(algorithm)
	if err != nil {
		return Signer{}, err
	}
	if k.Algorithm == MAC {
		return Signer{}, ErrNoKey
	}
	o.signer.signed = m.o.Signed
	return o.signer, nil
}

// CurrentMAC returns the active MAC key. It fails with ErrStale or ErrNoKey.
func (m *Manager) CurrentMAC() (id string, secret []byte, err error) {
	k, o, err := m.active(MAC)
	return k.ID, o.secret, err
}

func (m *Manager) active(algorithm string) (Key, opened, error) {
	if m.Age() > m.o.Policy.MaxRingAge() {
		return Key{}, opened{}, ErrStale
	}
	s := m.ring.Load()
	k, _ := s.successions[algorithm].active(m.clock.now())
	o, ok := s.opened[k.ID]
	if !ok {
		return Key{}, opened{}, ErrNoKey
	}
	return k, o, nil
}

// Ready says whether a key of the algorithm can sign and one has been published for PublishAhead, so that verifiers know
// it: audiences that change their algorithm wait for that.
func (m *Manager) Ready(algorithm string) bool {
	s, now := m.ring.Load(), m.clock.now()
	if _, ok := s.successions[algorithm].active(now); !ok {
		return false
	}
	for _, k := range s.ring.Keys {
		if k.Algorithm == algorithm && k.DestroyedAt.IsZero() && !now.Before(k.CreatedAt.Add(m.o.Policy.PublishAhead)) {
			return true
		}
	}
	return false
}

// PublicKey returns a key of the JWK Set and the only algorithm that it verifies; ok is false for every other kid.
func (m *Manager) PublicKey(kid string) (algorithm string, key crypto.PublicKey, ok bool) {
	o, ok := m.ring.Load().opened[kid]
	if !ok || o.public == nil {
		return "", nil, false
	}
	return o.signer.Algorithm, o.public, true
}

// MAC returns the MAC key of that id, whatever it may be used for now. For an id that it does not know it reads the ring
// again, once a second at most. ErrUnknownKey and ErrCompromised are knowledge; every other error means that the store
// could not be asked.
func (m *Manager) MAC(ctx context.Context, id string) (secret []byte, err error) {
	secret, err = m.ring.Load().mac(id)
	if !errors.Is(err, ErrUnknownKey) {
		return secret, err
	}
	if err := m.refreshUnlessFresh(ctx, time.Second); err != nil {
		return nil, err
	}
	return m.ring.Load().mac(id)
}

// Gone says whether an error of MAC is knowledge: there is no such key any more, or it may not be relied on.
func Gone(err error) bool { return errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrCompromised) }

// Set returns the JWK Set.
func (m *Manager) Set() *Set { return m.ring.Load().set }

// Version is that of the ring as this process has it.
func (m *Manager) Version() int64 { return m.ring.Load().ring.Version }

// Now is the time that keys go by: the wall clock, but where that jumps, the time of before until the jump is confirmed.
func (m *Manager) Now() time.Time { return m.clock.now() }

// Age is how long ago the store last confirmed the ring.
func (m *Manager) Age() time.Duration {
	return time.Since(m.started) - time.Duration(m.confirmed.Load())
}

// Health returns nil if this process can sign: its ring is fresh, whole, and has an active signing key.
func (m *Manager) Health() error {
	last := m.last.Load().err
	if errors.Is(last, errFallen) {
		return last
	}
	if age := m.Age(); age > m.o.Policy.MaxRingAge() {
		return errors.Join(fmt.Errorf("%w: not for %s", ErrStale, age.Truncate(time.Millisecond)), last)
	}
	if err := m.ring.Load().fault; err != nil {
		return err
	}
	for _, algorithm := range []string{RS256, ES256, EdDSA} {
		if _, err := m.Signer(algorithm); err == nil {
			return nil
		}
	}
	return ErrNoKey
}
