package fresh

import "context"

// A Lock is a mutex that a caller stops waiting for when its context ends. It
// is for work that may take long, such as a read of the store.
type Lock chan struct{}

// NewLock returns a Lock that no caller holds.
func NewLock() Lock { return make(Lock, 1) }

// Acquire locks l. It returns the error of ctx if ctx ends first.
func (l Lock) Acquire(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release unlocks l.
func (l Lock) Release() { <-l }
