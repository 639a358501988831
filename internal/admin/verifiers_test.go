package admin_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
)

// A verifier lacks keys if it polled lately with the ETag of other keys. One
// that says nothing about its keys, or has stopped, lacks none.
func TestLackingKeys(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	f := newFixtureAt(t, func() time.Time { return now })
	must(t, f.store.ReportVerifiers(t.Context(), []grant.Verifier{
		{Name: "billing", Server: "a", Keys: `"old"`, SeenAt: now.Add(-59 * time.Second)},
		{Name: "billing", Server: "b", Keys: `"new.order"`, SeenAt: now},
		{Name: "orders", Server: "a", Keys: `"new.another-order"`, SeenAt: now},
		{Name: "silent", Server: "a", SeenAt: now},
		{Name: "stopped", Server: "a", Keys: `"old"`, SeenAt: now.Add(-61 * time.Second)},
	}))
	lacking, names, err := f.LackingKeys(t.Context(), `"new.order"`)
	must(t, err)
	if len(lacking) != 1 || lacking[0].Name != "billing" || lacking[0].Server != "a" {
		t.Errorf("lacking %+v", lacking)
	}
	if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, []string{"billing", "orders"}) {
		t.Errorf("names %q", got)
	}
	warnings, err := f.KeyWarnings(t.Context(), `"new.order"`)
	if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "the verifier billing, which polls a,") {
		t.Errorf("warnings %q, %v", warnings, err)
	}
}

// All pages are read, and the warnings stay few.
func TestKeyWarnings_OfManyVerifiers(t *testing.T) {
	f := newFixture(t)
	many := make([]grant.Verifier, 2500)
	for i := range many {
		many[i] = grant.Verifier{Name: fmt.Sprintf("v%04d", i), Server: "a", Keys: `"old"`, SeenAt: time.Now()}
	}
	must(t, f.store.ReportVerifiers(t.Context(), many))
	warnings, err := f.KeyWarnings(t.Context(), `"new"`)
	must(t, err)
	if len(warnings) != 21 || warnings[20] != "2480 more verifiers did not have it" {
		t.Errorf("%d warnings, the last one is %q", len(warnings), warnings[len(warnings)-1])
	}
}
