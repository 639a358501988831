package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
)

var refreshCases = []singleCase{
	{"Rule24_25_27_28_30_TableOfRefreshTokens", tableOfRefreshTokens},
	{"ConcurrentRefreshesOfEveryOutcome", concurrentRefreshes},
	{"RefreshOfManyGenerations", manyGenerations},
	{"Rule30_BothLifetimesEnd", bothLifetimesEnd},
}

// Rules 24, 25, 27, 28, 30: the outcome of each attempt is that of the table.
func tableOfRefreshTokens(t *testing.T, s Store) {
	for i, c := range refreshTable {
		t.Run(c.name, func(t *testing.T) {
			g, a := c.build(byte(i))
			withGrant(t, s, g)
			c.check(t, s, g, a, refresh(t, s, a))
		})
	}
}

// concurrentRefreshes makes the attempts of the whole table concurrently, so
// that they share batches.
func concurrentRefreshes(t *testing.T, s Store) {
	RefreshEveryOutcome(t, s, func(attempts []grant.RefreshAttempt) ([]grant.RefreshResult, error) {
		return refreshTogether(t.Context(), s, attempts)
	})
}

// RefreshEveryOutcome makes all attempts of the table by one call of refresh,
// so that a batch has every outcome. The ids are scattered, which is the worst
// order for a store that sorts. refresh returns the results in the order of the
// attempts. A store's own tests call it with a function that makes one batch.
func RefreshEveryOutcome(
	t *testing.T, s Store, refresh func([]grant.RefreshAttempt) ([]grant.RefreshResult, error),
) {
	grants, attempts := make([]grant.Grant, len(refreshTable)), make([]grant.RefreshAttempt, len(refreshTable))
	for i, c := range refreshTable {
		grants[i], attempts[i] = c.build(byte(i * 89)) // 89 and 256 have no common factor.
		if i%3 > 0 {                                   // Each grant differs from the one before.
			grants[i].Claims = map[string]any{"of" + strconv.Itoa(i): []any{float64(i)}}
			grants[i].Audience = slices.Repeat([]string{"https://api-" + strconv.Itoa(i) + ".example"}, i%3)
			if slices.Contains(attempts[i].Audience, "https://api") {
				attempts[i].Audience = grants[i].Audience
			}
			grants[i].AMR, grants[i].DeviceLabel = nil, ""
		}
		withGrant(t, s, grants[i])
	}

	results, err := refresh(attempts)
	must(t, err)
	if len(results) != len(attempts) {
		t.Fatalf("%d results for %d attempts", len(results), len(attempts))
	}
	for i, c := range refreshTable {
		c.check(t, s, grants[i], attempts[i], results[i])
	}

	none, err := refresh(nil)
	must(t, err)
	equal(t, none, []grant.RefreshResult(nil))
}

func manyGenerations(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	for range 20 {
		a := currentToken(g)
		r := refresh(t, s, a)
		equal(t, r, grant.RefreshResult{Outcome: grant.Rotated, Grant: after(grant.Rotated, g, a)})
		retry := refresh(t, s, a)
		equal(t, retry, grant.RefreshResult{Outcome: grant.Retried, Grant: r.Grant})
		g = r.Grant
	}
}

// Rule 30: a grant that is refreshed every minute ends at its absolute
// lifetime. A grant that is not rotated ends at its idle lifetime, which a
// retry does not extend.
func bothLifetimesEnd(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	g.ExpiresAt = start.Add(2 * time.Hour)
	withGrant(t, s, g)
	minutes := 0
	r := grant.RefreshResult{Grant: g}
	for {
		if r = refresh(t, s, currentToken(r.Grant)); r.Outcome != grant.Rotated {
			break
		}
		minutes++
	}
	if minutes != 2*60-1 || r.Outcome != grant.Expired {
		t.Errorf("%s after %d minutes, want expired after %d", r.Outcome, minutes, 2*60-1)
	}

	g = aGrant(2, "usr_ann")
	withGrant(t, s, g)
	rotated := refresh(t, s, currentToken(g))
	a := currentToken(g)
	a.ReceivedAt = rotated.Grant.RotatedAt.Add(50 * time.Minute)
	for a.ReceivedAt.Before(rotated.Grant.RotatedAt.Add(time.Hour)) {
		equal(t, refresh(t, s, a).Outcome, grant.Retried)
		a.ReceivedAt = a.ReceivedAt.Add(time.Minute)
	}
	equal(t, refresh(t, s, a).Outcome, grant.Expired)
}
