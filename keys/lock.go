package keys

import "context"

// A lock is a mutex that a caller stops waiting for when its context ends. It
// is for work that may take long.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

// acquire locks l. It returns the error of ctx if ctx ends first.
func (l lock) acquire(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l lock) release() { <-l }
