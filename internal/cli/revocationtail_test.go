package cli

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/sqlite"
)

// newLog returns the operations on a new store, and its method to add entries.
func newLog(t *testing.T) (log *admin.Revocations, add func(texts ...string)) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "signet.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context()))
	return admin.New(admin.Options{Store: s}).Revocations, func(texts ...string) {
		for _, text := range texts {
			_, err := s.AddRevocations(context.Background(), []grant.Revocation{{
				Kind: revocation.Grant, Hash: revocation.Grant.Hash(text),
			}})
			must(t, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A restored log has other entries under the numbers that were printed, or
// fewer. Then all of its entries are new.
func TestTail_NoticesARestoredLog(t *testing.T) {
	for name, restored := range map[string][]string{
		"other entries": {"x", "y", "z"}, "fewer entries": {"x"}, "more entries": {"x", "y", "z", "w"},
	} {
		log, add := newLog(t)
		add("a", "b", "c")
		var errs strings.Builder
		follower := &tail{p: &program{err: &errs}, log: log}
		first, err := follower.read(t.Context(), 2)
		must(t, err)
		again, err := follower.readNew(t.Context())
		if err != nil || len(first) != 2 || first[1].Seq != 3 || len(again) != 0 || errs.String() != "" {
			t.Fatalf("%s: read %v, then %v, %v, %s", name, first, again, err, errs.String())
		}
		add("d")
		if again, err = follower.readNew(t.Context()); err != nil || len(again) != 1 || again[0].Seq != 4 {
			t.Errorf("%s: read %v, %v", name, again, err)
		}

		follower.log, add = newLog(t)
		add(restored...)
		again, err = follower.readNew(t.Context())
		if err != nil || len(again) != len(restored) || !strings.Contains(errs.String(), "as after a restore") {
			t.Errorf("%s: read %v, %v, warned %q", name, again, err, errs.String())
		}
	}
}
