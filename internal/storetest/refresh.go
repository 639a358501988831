package storetest

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/signetd/signet/internal/oauth"
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
	row     func(*oauth.Grant)
	present func(*oauth.Presented)
	want    oauth.Outcome
}

// aMicro is the finest that stores tell apart.
const aMicro = time.Microsecond

func oneBehind(p *oauth.Presented) { p.Generation = 4 }

// table has each line, and the edges between two.
var table = []line{
	{"current", nil, nil, oauth.Moved},
	{"current, from before the row moved", nil, func(p *oauth.Presented) { p.Arrived = start.Add(-time.Second) }, oauth.Moved},
	{"current, no key in the row", func(g *oauth.Grant) { g.KeyHash = nil }, nil, oauth.Moved},
	{"current, the key that moved the row", nil, func(p *oauth.Presented) { p.KeyHash = []byte("key of 5") }, oauth.Moved},
	{"current, first generation", func(g *oauth.Grant) { g.Generation = 0 }, func(p *oauth.Presented) { p.Generation = 0 }, oauth.Moved},
	{
		"current, last generation but one", func(g *oauth.Grant) { g.Generation = math.MaxUint32 - 1 },
		func(p *oauth.Presented) { p.Generation = math.MaxUint32 - 1 }, oauth.Moved,
	},
	{"current, a moment before idle", nil, func(p *oauth.Presented) { p.Arrived = start.Add(time.Hour - aMicro) }, oauth.Moved},

	{"one behind, same key", nil, func(p *oauth.Presented) { p.Generation, p.KeyHash = 4, []byte("key of 5") }, oauth.Repeated},
	{"one behind, same key, much later", nil, func(p *oauth.Presented) {
		p.Generation, p.KeyHash, p.Leeway, p.Arrived = 4, []byte("key of 5"), 0, start.Add(time.Hour-aMicro)
	}, oauth.Repeated},

	{
		"one behind, other key, last moment of leeway", nil,
		func(p *oauth.Presented) { p.Generation, p.Arrived = 4, start.Add(10*time.Second) }, oauth.SecondTab,
	},
	{
		"one behind, other key, from before the row moved", nil,
		func(p *oauth.Presented) { p.Generation, p.Arrived = 4, start.Add(-time.Hour) }, oauth.SecondTab,
	},
	{
		"one behind, no key in the row", func(g *oauth.Grant) { g.KeyHash = nil },
		func(p *oauth.Presented) { p.Generation, p.Arrived = 4, start.Add(time.Second) }, oauth.SecondTab,
	},

	{
		"one behind, past leeway", nil,
		func(p *oauth.Presented) { p.Generation, p.Arrived = 4, start.Add(10*time.Second+aMicro) }, oauth.Reused,
	},
	{"one behind, no leeway", nil, func(p *oauth.Presented) { p.Generation, p.Leeway, p.Arrived = 4, 0, start }, oauth.Reused},
	{
		"one behind, no leeway, from before the row moved", nil,
		func(p *oauth.Presented) { p.Generation, p.Leeway, p.Arrived = 4, 0, start.Add(-time.Hour) }, oauth.Reused,
	},
	{
		"one behind, less leeway than a microsecond", nil,
		func(p *oauth.Presented) { p.Generation, p.Leeway, p.Arrived = 4, time.Nanosecond, start }, oauth.Reused,
	},
	{
		"one behind, no key anywhere, past leeway", func(g *oauth.Grant) { g.KeyHash = nil },
		func(p *oauth.Presented) { p.Generation, p.KeyHash = 4, nil }, oauth.Reused,
	},
	{"two behind, same key, within leeway", nil, func(p *oauth.Presented) {
		p.Generation, p.KeyHash, p.Arrived = 3, []byte("key of 5"), start
	}, oauth.Reused},
	{"the first", nil, func(p *oauth.Presented) { p.Generation, p.Arrived = 0, start }, oauth.Reused},

	{"one ahead", nil, func(p *oauth.Presented) { p.Generation = 6 }, oauth.Ahead},
	{"far ahead", nil, func(p *oauth.Presented) { p.Generation = math.MaxUint32 - 1 }, oauth.Ahead},
	{
		"ahead, from before the row moved", nil,
		func(p *oauth.Presented) { p.Generation, p.Arrived = 6, start.Add(-time.Second) }, oauth.Ahead,
	},

	{"other client", nil, func(p *oauth.Presented) { p.ClientID = "other" }, oauth.OtherClient},
	{"other client, old token", nil, func(p *oauth.Presented) { p.ClientID, p.Generation = "other", 1 }, oauth.OtherClient},
	{
		"other client, dead grant", func(g *oauth.Grant) { g.RevokedAt = start },
		func(p *oauth.Presented) { p.ClientID = "other" }, oauth.OtherClient,
	},
	{"revoked", func(g *oauth.Grant) { g.RevokedAt, g.RevokeReason = start, oauth.RevokedByAdmin }, nil, oauth.Revoked},
	{
		"revoked, repeat", func(g *oauth.Grant) { g.RevokedAt = start },
		func(p *oauth.Presented) { p.Generation, p.KeyHash = 4, []byte("key of 5") }, oauth.Revoked,
	},
	{"revoked, ahead", func(g *oauth.Grant) { g.RevokedAt = start }, func(p *oauth.Presented) { p.Generation = 6 }, oauth.Revoked},
	{"revoked and suspended", func(g *oauth.Grant) { g.RevokedAt, g.SuspendedAt = start, start }, nil, oauth.Revoked},
	{"suspended", func(g *oauth.Grant) { g.SuspendedAt = start }, nil, oauth.Suspended},
	{"suspended, old token", func(g *oauth.Grant) { g.SuspendedAt = start }, func(p *oauth.Presented) { p.Generation = 1 }, oauth.Suspended},
	{"idle", nil, func(p *oauth.Presented) { p.Arrived = start.Add(time.Hour) }, oauth.Expired},
	{"idle, repeat", nil, func(p *oauth.Presented) {
		p.Generation, p.KeyHash, p.Arrived = 4, []byte("key of 5"), start.Add(time.Hour)
	}, oauth.Expired},
	{"absolute end", func(g *oauth.Grant) { g.ExpiresAt = start.Add(time.Minute) }, nil, oauth.Expired},
	{"absolute end, old token", func(g *oauth.Grant) { g.ExpiresAt = start.Add(time.Minute) }, oneBehind, oauth.Expired},
	{"absolute end, a moment before", func(g *oauth.Grant) { g.ExpiresAt = start.Add(time.Minute + aMicro) }, nil, oauth.Moved},

	{"late", nil, late, oauth.Late},
	{"late, old token", nil, func(p *oauth.Presented) { late(p); p.Generation = 1 }, oauth.Late},
	{"late, ahead", nil, func(p *oauth.Presented) { late(p); p.Generation = 9 }, oauth.Late},
	{"late, dead grant", func(g *oauth.Grant) { g.RevokedAt = start }, late, oauth.Revoked},
	{"missing", nil, func(p *oauth.Presented) { p.Grant[15] = 99 }, oauth.Missing},
}

func late(p *oauth.Presented) { p.Deadline = time.Now().Add(-time.Second) }

// build returns the row and the presented token of a line; id keeps lines apart.
func (l line) build(id byte) (oauth.Grant, oauth.Presented) {
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
func after(o oauth.Outcome, g oauth.Grant, p oauth.Presented) oauth.Grant {
	switch o {
	case oauth.Moved, oauth.Ahead:
		g.Generation, g.KeyHash, g.MACKey = p.Generation+1, p.KeyHash, p.MACKey
		if p.Arrived.After(g.MovedAt) {
			g.MovedAt = p.Arrived
		}
	case oauth.Reused:
		g.RevokedAt, g.RevokeReason = p.Arrived, oauth.RevokedByReuse
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
func (l line) check(t *testing.T, s Store, g oauth.Grant, p oauth.Presented, v oauth.Verdict) {
	t.Helper()
	if v.Outcome != l.want {
		t.Errorf("%s: %s, want %s", l.name, v.Outcome, l.want)
	}
	want := after(l.want, g, p)
	equal(t, stored(t, s, g.ID), want)
	switch l.want {
	case oauth.Missing:
		equal(t, v.Grant, oauth.Grant{})
	case oauth.Late:
		equal(t, v.Grant.ID, g.ID)
	default:
		equal(t, v.Grant, want)
	}
}

// batchHoldsEverything presents the whole table at once, so that what moves, repeats, is reuse, ahead, dead, late and missing
// stands side by side, in the order that is worst for a store that sorts.
func batchHoldsEverything(t *testing.T, s Store) {
	grants, batch := make([]oauth.Grant, len(table)), make([]oauth.Presented, len(table))
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
	equal(t, none, []oauth.Verdict(nil))
}

func batchHoldsGrantOnce(t *testing.T, s Store) {
	one, other := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	withGrant(t, s, one)
	withGrant(t, s, other)
	_, err := s.RefreshGrants(t.Context(), []oauth.Presented{present(one), present(other), present(one)})
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
		equal(t, v, oauth.Verdict{Outcome: oauth.Moved, Grant: after(oauth.Moved, g, p)})
		again := refresh(t, s, p)
		equal(t, again, oauth.Verdict{Outcome: oauth.Repeated, Grant: v.Grant})
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
	v := oauth.Verdict{Grant: g}
	for {
		if v = refresh(t, s, present(v.Grant)); v.Outcome != oauth.Moved {
			break
		}
		minutes++
	}
	if minutes != 2*60-1 || v.Outcome != oauth.Expired {
		t.Errorf("%s after %d minutes, want expired after %d", v.Outcome, minutes, 2*60-1)
	}

	g = aGrant(2, "usr_ann")
	withGrant(t, s, g)
	moved := refresh(t, s, present(g))
	p := present(g)
	for p.Arrived = moved.Grant.MovedAt.Add(50 * time.Minute); p.Arrived.Before(moved.Grant.MovedAt.Add(time.Hour)); {
		equal(t, refresh(t, s, p).Outcome, oauth.Repeated)
		p.Arrived = p.Arrived.Add(time.Minute)
	}
	equal(t, refresh(t, s, p).Outcome, oauth.Expired)
}
