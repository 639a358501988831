package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var sameGrant = cmp.Options{
	cmpopts.IgnoreFields(grant.Grant{}, "CreatedAt", "ClientCreatedAt"),
	cmpopts.IgnoreFields(grant.Position{}, "CreatedAt"),
	cmp.FilterPath(
		func(p cmp.Path) bool { return p.Last().String() == ".SuspendedAt" },
		cmp.Comparer(func(a, b time.Time) bool { return a.IsZero() == b.IsZero() }),
	),
}

// must ends the test if err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is fails the test if err is not want.
func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// rejected fails the test if err does not have the code want.
func rejected(t *testing.T, err error, want oauth.Code) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// equal fails the test if got and want differ. An empty list equals nil. The
// creation time of a grant is the store's, so it is not compared. That of its
// client is not stored. Of the time of a suspension, equal compares only
// whether there is one.
func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), sameGrant); diff != "" {
		t.Errorf("unexpected value (-want +got):\n%s", diff)
	}
}
