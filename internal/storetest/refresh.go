package storetest

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
)

var refreshCases = []single{
	{"Rule24_25_27_28_30_TableOfRefreshTokens", tableOfRefreshTokens},
	{"BatchHoldsEverythingAtOnce", batchHoldsEverything},
	{"BatchHoldsAGrantOnce", batchHoldsGrantOnce},
	{"RefreshOfManyGenerations", manyGenerations},
	{"Rule30_IdleAndAbsoluteBothHold", idleAndAbsolute},
}

// A line is one line of the table of refresh tokens: how the row and the presented token differ from a live grant of
// generation 5 and its current token, and what is found.
type line struct {
	name    string
	row     func(*grant.Grant)
	present func(*grant.RefreshAttempt)
	want    grant.Outcome
}

// aMicro is the finest that stores tell apart.
const aMicro = time.Microsecond

func oneBehind(p *grant.RefreshAttempt) { p.Generation = 4 }

// table has each line, and the edges between two.
var table = []line{
	{"current", nil, nil, grant.Rotated},
	{"current, from before the row moved", nil, func(p *grant.RefreshAttempt) { p.ReceivedAt = start.Add(-time.Second) }, grant.Rotated},
	{"current, no key in the row", func(g *grant.Grant) { g.KeyHash = nil }, nil, grant.Rotated},
	{"current, the key that moved the row", nil, func(p *grant.RefreshAttempt) { p.KeyHash = []byte("key of 5") }, grant.Rotated},
	{"current, first generation", func(g *grant.Grant) { g.Generation = 0 }, func(p *grant.RefreshAttempt) { p.Generation = 0 }, grant.Rotated},
	{
		"current, last generation but one", func(g *grant.Grant) { g.Generation = math.MaxUint32 - 1 },
		func(p *grant.RefreshAttempt) { p.Generation = math.MaxUint32 - 1 }, grant.Rotated,
	},
	{"current, a moment before idle", nil, func(p *grant.RefreshAttempt) { p.ReceivedAt = start.Add(time.Hour - aMicro) }, grant.Rotated},

	{"one behind, same key", nil, func(p *grant.RefreshAttempt) { p.Generation, p.KeyHash = 4, []byte("key of 5") }, grant.Retried},
	{"one behind, same key, much later", nil, func(p *grant.RefreshAttempt) {
		p.Generation, p.KeyHash, p.Leeway, p.ReceivedAt = 4, []byte("key of 5"), 0, start.Add(time.Hour-aMicro)
	}, grant.Retried},

	{
		"one behind, other key, last moment of leeway", nil,
		func(p *grant.RefreshAttempt) { p.Generation, p.ReceivedAt = 4, start.Add(10*time.Second) }, grant.WithinGrace,
	},
	{
		"one behind, other key, from before the row moved", nil,
		func(p *grant.RefreshAttempt) { p.Generation, p.ReceivedAt = 4, start.Add(-time.Hour) }, grant.WithinGrace,
	},
	{
		"one behind, no key in the row", func(g *grant.Grant) { g.KeyHash = nil },
		func(p *grant.RefreshAttempt) { p.Generation, p.ReceivedAt = 4, start.Add(time.Second) }, grant.WithinGrace,
	},

	{
		"one behind, past leeway", nil,
		func(p *grant.RefreshAttempt) { p.Generation, p.ReceivedAt = 4, start.Add(10*time.Second+aMicro) }, grant.Reused,
	},
	{"one behind, no leeway", nil, func(p *grant.RefreshAttempt) { p.Generation, p.Leeway, p.ReceivedAt = 4, 0, start }, grant.Reused},
	{
		"one behind, no leeway, from before the row moved", nil,
		func(p *grant.RefreshAttempt) { p.Generation, p.Leeway, p.ReceivedAt = 4, 0, start.Add(-time.Hour) }, grant.Reused,
	},
	{
		"one behind, less leeway than a microsecond", nil,
		func(p *grant.RefreshAttempt) { p.Generation, p.Leeway, p.ReceivedAt = 4, time.Nanosecond, start }, grant.Reused,
	},
	{
		"one behind, no key anywhere, past leeway", func(g *grant.Grant) { g.KeyHash = nil },
		func(p *grant.RefreshAttempt) { p.Generation, p.KeyHash = 4, nil }, grant.Reused,
	},
	{"two behind, same key, within leeway", nil, func(p *grant.RefreshAttempt) {
		p.Generation, p.KeyHash, p.ReceivedAt = 3, []byte("key of 5"), start
	}, grant.Reused},
	{"the first", nil, func(p *grant.RefreshAttempt) { p.Generation, p.ReceivedAt = 0, start }, grant.Reused},

	{"one ahead", nil, func(p *grant.RefreshAttempt) { p.Generation = 6 }, grant.Ahead},
	{"far ahead", nil, func(p *grant.RefreshAttempt) { p.Generation = math.MaxUint32 - 1 }, grant.Ahead},
	{
		"ahead, from before the row moved", nil,
		func(p *grant.RefreshAttempt) { p.Generation, p.ReceivedAt = 6, start.Add(-time.Second) }, grant.Ahead,
	},

	{"other client", nil, func(p *grant.RefreshAttempt) { p.ClientID = "other" }, grant.OtherClient},
	{"other client, old token", nil, func(p *grant.RefreshAttempt) { p.ClientID, p.Generation = "other", 1 }, grant.OtherClient},
	{
		"other client, dead grant", func(g *grant.Grant) { g.RevokedAt = start },
		func(p *grant.RefreshAttempt) { p.ClientID = "other" }, grant.OtherClient,
	},
	{"revoked", func(g *grant.Grant) { g.RevokedAt, g.RevokeReason = start, audit.RevokedByAdmin }, nil, grant.Revoked},
	{
		"revoked, repeat", func(g *grant.Grant) { g.RevokedAt = start },
		func(p *grant.RefreshAttempt) { p.Generation, p.KeyHash = 4, []byte("key of 5") }, grant.Revoked,
	},
	{"revoked, ahead", func(g *grant.Grant) { g.RevokedAt = start }, func(p *grant.RefreshAttempt) { p.Generation = 6 }, grant.Revoked},
	{"revoked and suspended", func(g *grant.Grant) { g.RevokedAt, g.SuspendedAt = start, start }, nil, grant.Revoked},
	{"suspended", func(g *grant.Grant) { g.SuspendedAt = start }, nil, grant.Suspended},
	{"suspended, old token", func(g *grant.Grant) { g.SuspendedAt = start }, func(p *grant.RefreshAttempt) { p.Generation = 1 }, grant.Suspended},
	{"idle", nil, func(p *grant.RefreshAttempt) { p.ReceivedAt = start.Add(time.Hour) }, grant.Expired},
	{"idle, repeat", nil, func(p *grant.RefreshAttempt) {
		p.Generation, p.KeyHash, p.ReceivedAt = 4, []byte("key of 5"), start.Add(time.Hour)
	}, grant.Expired},
	{"absolute end", func(g *grant.Grant) { g.ExpiresAt = start.Add(time.Minute) }, nil, grant.Expired},
	{"absolute end, old token", func(g *grant.Grant) { g.ExpiresAt = start.Add(time.Minute) }, oneBehind, grant.Expired},
	{"absolute end, a moment before", func(g *grant.Grant) { g.ExpiresAt = start.Add(time.Minute + aMicro) }, nil, grant.Rotated},

	{"late", nil, late, grant.Late},
	{"late, old token", nil, func(p *grant.RefreshAttempt) { late(p); p.Generation = 1 }, grant.Late},
	{"late, ahead", nil, func(p *grant.RefreshAttempt) { late(p); p.Generation = 9 }, grant.Late},
	{"late, dead grant", func(g *grant.Grant) { g.RevokedAt = start }, late, grant.Revoked},
	{"missing", nil, func(p *grant.RefreshAttempt) { p.Grant[15] = 99 }, grant.Missing},
}

func late(p *grant.RefreshAttempt) { p.Deadline = time.Now().Add(-time.Second) }

// build returns the row and the presented token of a line; id keeps lines apart.
func (l line) build(id byte) (grant.Grant, grant.RefreshAttempt) {
	g := aGrant(id, "usr_ann")
	p := present(g)
	if l.row != nil {
		l.row(&g)
	}
	if l.present != nil {
		l.present(&p)
	}
	return g, p
}

// after returns the row that an outcome leaves behind.
func after(o grant.Outcome, g grant.Grant, p grant.RefreshAttempt) grant.Grant {
	switch o {
	case grant.Rotated, grant.Ahead:
		g.Generation, g.KeyHash, g.MACKey = p.Generation+1, p.KeyHash, p.MACKey
		if p.ReceivedAt.After(g.RotatedAt) {
			g.RotatedAt = p.ReceivedAt
		}
	case grant.Reused:
		g.RevokedAt, g.RevokeReason = p.ReceivedAt, audit.RevokedByReuse
	}
	return g
}

func tableOfRefreshTokens(t *testing.T, s Store) {
	for i, l := range table {
		t.Run(l.name, func(t *testing.T) {
			g, p := l.build(byte(i))
			withGrant(t, s, g)
			l.check(t, s, g, p, refresh(t, s, p))
		})
	}
}

// check compares the verdict and the row with what the line wants.
func (l line) check(t *testing.T, s Store, g grant.Grant, p grant.RefreshAttempt, v grant.RefreshResult) {
	t.Helper()
	if v.Outcome != l.want {
		t.Errorf("%s: %s, want %s", l.name, v.Outcome, l.want)
	}
	want := after(l.want, g, p)
	equal(t, stored(t, s, g.ID), want)
	switch l.want {
	case grant.Missing:
		equal(t, v.Grant, grant.Grant{})
	case grant.Late:
		equal(t, v.Grant.ID, g.ID)
	default:
		equal(t, v.Grant, want)
	}
}

// batchHoldsEverything presents the whole table at once, so that what moves, repeats, is reuse, ahead, dead, late and missing
// stands side by side, in the order that is worst for a store that sorts.
func batchHoldsEverything(t *testing.T, s Store) {
	grants, batch := make([]grant.Grant, len(table)), make([]grant.RefreshAttempt, len(table))
	for i, l := range table {
		grants[i], batch[i] = l.build(byte(i * 89)) // 89 and 256 have no common factor
		if i%3 > 0 {                                // nobody has what is another's
			grants[i].Claims = map[string]any{"of" + strconv.Itoa(i): []any{float64(i)}}
			grants[i].Audience = slices.Repeat([]string{"https://api-" + strconv.Itoa(i) + ".example"}, i%3)
			grants[i].AMR, grants[i].DeviceLabel = nil, ""
		}
		withGrant(t, s, grants[i])
	}
	verdicts, err := s.RefreshGrants(t.Context(), batch)
	must(t, err)
	if len(verdicts) != len(batch) {
		t.Fatalf("%d verdicts for %d tokens", len(verdicts), len(batch))
	}
	for i, l := range table {
		l.check(t, s, grants[i], batch[i], verdicts[i])
	}
	none, err := s.RefreshGrants(t.Context(), nil)
	must(t, err)
	equal(t, none, []grant.RefreshResult(nil))
}

func batchHoldsGrantOnce(t *testing.T, s Store) {
	one, other := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	withGrant(t, s, one)
	withGrant(t, s, other)
	_, err := s.RefreshGrants(t.Context(), []grant.RefreshAttempt{present(one), present(other), present(one)})
	if err == nil {
		t.Error("a batch that holds a grant twice was answered")
	}
	equal(t, stored(t, s, one.ID), one)
	equal(t, stored(t, s, other.ID), other)
}

func manyGenerations(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	for range 20 {
		p := present(g)
		v := refresh(t, s, p)
		equal(t, v, grant.RefreshResult{Outcome: grant.Rotated, Grant: after(grant.Rotated, g, p)})
		again := refresh(t, s, p)
		equal(t, again, grant.RefreshResult{Outcome: grant.Retried, Grant: v.Grant})
		g = v.Grant
	}
}

// idleAndAbsolute refreshes every minute: the idle time never runs out, the absolute does; then it lets the idle time run
// out, which a repeat does not prolong.
func idleAndAbsolute(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	g.ExpiresAt = start.Add(2 * time.Hour)
	withGrant(t, s, g)
	minutes := 0
	v := grant.RefreshResult{Grant: g}
	for {
		if v = refresh(t, s, present(v.Grant)); v.Outcome != grant.Rotated {
			break
		}
		minutes++
	}
	if minutes != 2*60-1 || v.Outcome != grant.Expired {
		t.Errorf("%s after %d minutes, want expired after %d", v.Outcome, minutes, 2*60-1)
	}

	g = aGrant(2, "usr_ann")
	withGrant(t, s, g)
	moved := refresh(t, s, present(g))
	p := present(g)
	for p.ReceivedAt = moved.Grant.RotatedAt.Add(50 * time.Minute); p.ReceivedAt.Before(moved.Grant.RotatedAt.Add(time.Hour)); {
		equal(t, refresh(t, s, p).Outcome, grant.Retried)
		p.ReceivedAt = p.ReceivedAt.Add(time.Minute)
	}
	equal(t, refresh(t, s, p).Outcome, grant.Expired)
}
