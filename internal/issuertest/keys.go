package issuertest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/keys"
)

// RotateUnseen rotates an algorithm at this server. Every other server does not
// have the new active key until it reads the key ring again.
func (f *Fixture) RotateUnseen(t testing.TB, algorithm string) {
	t.Helper()
	for range 2 { // The first rotation uses the spare, which all servers know.
		_, err := f.Keys.Operator().Rotate(t.Context(), Operator, []string{algorithm}, keys.RotateOptions{Now: true})
		must(t, err)
		must(t, f.Keys.Poll(t.Context()))
	}
}

// Compromise marks a key as compromised.
func (f *Fixture) Compromise(t testing.TB, kid string) {
	t.Helper()
	must(t, f.Keys.Operator().Compromise(t.Context(), Operator, kid))
}

// A DownRing is a store that does not answer reads of the key ring while Down
// is set.
type DownRing struct {
	components.ServiceStore
	Down atomic.Bool
}

// RingVersion returns the version of the key ring, or an error.
func (s *DownRing) RingVersion(ctx context.Context) (keys.Version, error) {
	if s.Down.Load() {
		return keys.Version{}, errors.New("the store is down")
	}
	return s.ServiceStore.RingVersion(ctx)
}
