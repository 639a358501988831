package issuertest

import (
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/keys"
)

// RotateUnseen rotates an algorithm at this server until its active key is one
// that a server has not read which has not polled the store since.
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
	must(t, f.Keys.Operator().Compromise(t.Context(), audit.Actor{Name: Operator.Name}, kid))
}
