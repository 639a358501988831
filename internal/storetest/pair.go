package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// sameMoment compares the times of acts, which each store takes from its own
// clock. The times that an operation chooses are before latestChosen. After a
// restore, a grant is read with the time of the restore as RotatedAt.
var sameMoment = cmp.FilterPath(
	func(p cmp.Path) bool {
		return slices.Contains([]string{".RevokedAt", ".DisabledAt", ".At", ".RotatedAt"}, p.Last().String())
	},
	cmp.Comparer(func(a, b time.Time) bool {
		latestChosen := start.Add(3 * time.Minute)
		return a.Equal(b) || a.After(latestChosen) && b.After(latestChosen)
	}),
)

// A pair is two stores on which the same operations run.
type pair struct {
	t      *rapid.T
	ctx    context.Context
	stores [2]Store
}

// same calls both stores and fails if their answers differ. It compares errors
// by their codes. An error that is no oauth.Code is a failure.
func (p *pair) same(operation string, call func(Store) (any, error)) {
	var answers [2]any
	var codes [2]string
	for i, s := range p.stores {
		answer, err := call(s)
		var code oauth.Code
		switch {
		case err == nil:
			answers[i] = answer
		case errors.As(err, &code):
			codes[i] = string(code)
		case errors.Is(err, keys.ErrRaced), errors.Is(err, client.ErrRaced):
			codes[i] = "raced"
		default:
			p.t.Fatalf("%s: %T: %v", operation, s, err)
		}
	}
	diff := cmp.Diff(answers[0], answers[1], cmpopts.EquateEmpty(), sameGrant, sameMoment)
	if diff != "" || codes[0] != codes[1] {
		p.t.Fatalf("%s: the errors are %q and %q, the answers differ by (-one +other):\n%s",
			operation, codes[0], codes[1], diff)
	}
}

// change is same for an operation that returns only an error.
func (p *pair) change(operation string, call func(Store) error) {
	p.same(operation, func(s Store) (any, error) { return nil, call(s) })
}

func (p *pair) close() {
	for _, s := range p.stores {
		if err := s.Close(); err != nil {
			p.t.Error(err)
		}
	}
}
