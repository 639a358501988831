package keys

import (
	"errors"
	"fmt"
)

// The errors of a Manager. Each caller decides what its own client sees.
var (
	// ErrNoKey means that no key of the algorithm can sign on this server.
	ErrNoKey = errors.New("no key can sign")
	// ErrStale means that the store has not confirmed the ring lately. A key of
	// the ring may have been compromised since.
	ErrStale = errors.New("the store has not confirmed the key ring lately")
	// ErrUnknownKey means that the ring has no such key, by a read of the store
	// that began after the call or, if the kid is not that of a generated key,
	// by the last poll. It also means that a MAC key is destroyed: its
	// secret does not exist any more.
	ErrUnknownKey = errors.New("no such key")
	// ErrCompromised means that the key is compromised.
	ErrCompromised = errors.New("the key is compromised")
	// ErrDestroyed means that the signing key is destroyed.
	ErrDestroyed = errors.New("the key is destroyed")
)

// IsUnusable reports whether an error of Manager.MAC or Manager.PublicKey means
// that the key must not be used: it is unknown, compromised or destroyed. After
// any other error the key may still be valid.
func IsUnusable(err error) bool { return errors.Is(err, ErrUnknownKey) || IsRefused(err) }

// IsRefused reports whether an error of Manager.MAC or Manager.PublicKey comes
// with a key of the ring, whose tokens are refused.
func IsRefused(err error) bool { return errors.Is(err, ErrCompromised) || errors.Is(err, ErrDestroyed) }

// An unknownKey is the id of a key that the ring does not have.
type unknownKey string

// Error names the key.
func (k unknownKey) Error() string { return "there is no key " + string(k) }

// Is reports that the error is an ErrUnknownKey.
func (unknownKey) Is(target error) bool { return target == ErrUnknownKey }

// A Refusal is the reason why the ring in its present state does not allow a
// change. It describes the ring only, so everyone who may request the change
// may see it.
type Refusal string

// Error returns the reason.
func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }
