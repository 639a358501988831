package storetest

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// attempt keeps the lines of refreshTable short.
type attempt = grant.RefreshAttempt

// A refreshCase is one line of the table of refresh tokens: how the row and the
// attempt differ from a live grant of generation 5 and its current token, and
// the outcome.
type refreshCase struct {
	name    string
	row     func(*grant.Grant)
	attempt func(*attempt)
	want    grant.Outcome
}

// aMicro is the precision of the stores.
const aMicro = time.Microsecond

func revoked(g *grant.Grant)   { g.RevokedAt = start }
func suspended(g *grant.Grant) { g.SuspendedAt = start }

// unchecked leaves out an audience of the grant.
func unchecked(a *attempt) { a.Audience = []string{"https://b", "https://c"} }

func oneBehind(a *attempt) { a.Generation = 4 }
func late(a *attempt)      { a.Deadline = time.Now().Add(-time.Second) }

// refreshTable has each line of the table in docs/protocol.md, and the limits
// between two lines.
var refreshTable = []refreshCase{
	{"current", nil, nil, grant.Rotated},
	{
		"current, received before the last rotation", nil,
		func(a *attempt) { a.ReceivedAt = start.Add(-time.Second) }, grant.Rotated,
	},
	{"current, no key in the row", func(g *grant.Grant) { g.KeyHash = oauth.Digest{} }, nil, grant.Rotated},
	{"current, the key of the last rotation", nil, func(a *attempt) { a.KeyHash = digest("key of 5") }, grant.Rotated},
	{
		"current, first generation", func(g *grant.Grant) { g.Generation = 0 },
		func(a *attempt) { a.Generation = 0 }, grant.Rotated,
	},
	{
		"current, last generation but one", func(g *grant.Grant) { g.Generation = math.MaxUint32 - 1 },
		func(a *attempt) { a.Generation = math.MaxUint32 - 1 }, grant.Rotated,
	},
	{"current, before idle", nil, func(a *attempt) { a.ReceivedAt = start.Add(time.Hour - aMicro) }, grant.Rotated},

	{"one behind, same key", nil, func(a *attempt) { a.Generation, a.KeyHash = 4, digest("key of 5") }, grant.Retried},
	{"one behind, same key, much later", nil, func(a *attempt) {
		a.Generation, a.KeyHash, a.Leeway, a.ReceivedAt = 4, digest("key of 5"), 0, start.Add(time.Hour-aMicro)
	}, grant.Retried},
	{"one behind, same key, last moment of retry window", nil, func(a *attempt) {
		a.Generation, a.KeyHash, a.RetryWindow = 4, digest("key of 5"), time.Minute
	}, grant.Retried},
	{"one behind, same key, past retry window", nil, func(a *attempt) {
		a.Generation, a.KeyHash, a.RetryWindow = 4, digest("key of 5"), time.Minute-aMicro
	}, grant.Reused},
	{"one behind, same key, past retry window, within leeway", nil, func(a *attempt) {
		a.Generation, a.KeyHash, a.RetryWindow, a.Leeway = 4, digest("key of 5"), 0, time.Minute
	}, grant.WithinLeeway},

	{
		"one behind, other key, last moment of leeway", nil,
		func(a *attempt) { a.Generation, a.ReceivedAt = 4, start.Add(10*time.Second) }, grant.WithinLeeway,
	},
	{
		"one behind, other key, received before the last rotation", nil,
		func(a *attempt) { a.Generation, a.ReceivedAt = 4, start.Add(-time.Hour) }, grant.WithinLeeway,
	},
	{
		"one behind, no key in the row", func(g *grant.Grant) { g.KeyHash = oauth.Digest{} },
		func(a *attempt) { a.Generation, a.ReceivedAt = 4, start.Add(time.Second) }, grant.WithinLeeway,
	},

	{
		"one behind, past leeway", nil,
		func(a *attempt) { a.Generation, a.ReceivedAt = 4, start.Add(10*time.Second+aMicro) }, grant.Reused,
	},
	{
		"one behind, no leeway", nil,
		func(a *attempt) { a.Generation, a.Leeway, a.ReceivedAt = 4, 0, start }, grant.Reused,
	},
	{
		"one behind, no leeway, received before the last rotation", nil,
		func(a *attempt) { a.Generation, a.Leeway, a.ReceivedAt = 4, 0, start.Add(-time.Hour) }, grant.Reused,
	},
	{
		"one behind, less leeway than a microsecond", nil,
		func(a *attempt) { a.Generation, a.Leeway, a.ReceivedAt = 4, time.Nanosecond, start }, grant.Reused,
	},
	{
		"one behind, no key anywhere, past leeway", func(g *grant.Grant) { g.KeyHash = oauth.Digest{} },
		func(a *attempt) { a.Generation, a.KeyHash = 4, oauth.Digest{} }, grant.Reused,
	},
	{"two behind, same key, within leeway", nil, func(a *attempt) {
		a.Generation, a.KeyHash, a.ReceivedAt = 3, digest("key of 5"), start
	}, grant.Reused},
	{"the first", nil, func(a *attempt) { a.Generation, a.ReceivedAt = 0, start }, grant.Reused},

	{"one ahead", nil, func(a *attempt) { a.Generation = 6 }, grant.Ahead},
	{"far ahead", nil, func(a *attempt) { a.Generation = math.MaxUint32 - 1 }, grant.Ahead},
	{
		"ahead, received before the last rotation", nil,
		func(a *attempt) { a.Generation, a.ReceivedAt = 6, start.Add(-time.Second) }, grant.Ahead,
	},

	{"other client", nil, func(a *attempt) { a.ClientID = "other" }, grant.OtherClient},
	{"other client, old token", nil, func(a *attempt) { a.ClientID, a.Generation = "other", 1 }, grant.OtherClient},
	{
		"other client, revoked grant", revoked,
		func(a *attempt) { a.ClientID = "other" }, grant.OtherClient,
	},
	{"revoked", func(g *grant.Grant) { g.RevokedAt, g.RevokeReason = start, audit.RevokedByAdmin }, nil, grant.Revoked},
	{
		"revoked, retry", revoked,
		func(a *attempt) { a.Generation, a.KeyHash = 4, digest("key of 5") }, grant.Revoked,
	},
	{"revoked, ahead", revoked, func(a *attempt) { a.Generation = 6 }, grant.Revoked},
	{"revoked and suspended", func(g *grant.Grant) { g.RevokedAt, g.SuspendedAt = start, start }, nil, grant.Revoked},
	{"suspended", suspended, nil, grant.Suspended},
	{"suspended, old token", suspended, func(a *attempt) { a.Generation = 1 }, grant.Suspended},
	{"idle", nil, func(a *attempt) { a.ReceivedAt = start.Add(time.Hour) }, grant.Expired},
	{"idle, retry", nil, func(a *attempt) {
		a.Generation, a.KeyHash, a.ReceivedAt = 4, digest("key of 5"), start.Add(time.Hour)
	}, grant.Expired},
	{"idle when it came", nil, func(a *attempt) {
		a.ReceivedAt, a.Waited = start.Add(time.Hour+time.Second), time.Second
	}, grant.Expired},
	{"idle while it waited", nil, func(a *attempt) {
		a.ReceivedAt, a.Waited = start.Add(time.Hour+time.Second), time.Second+aMicro
	}, grant.Rotated},
	{"idle while it waited, ahead", nil, func(a *attempt) {
		a.Generation, a.ReceivedAt, a.Waited = 7, start.Add(time.Hour+time.Second), time.Second+aMicro
	}, grant.Ahead},
	{"expired", func(g *grant.Grant) { g.ExpiresAt = start.Add(time.Minute) }, nil, grant.Expired},
	{
		"expired while it waited", func(g *grant.Grant) { g.ExpiresAt = start.Add(time.Minute) },
		func(a *attempt) { a.Waited = time.Second }, grant.Expired,
	},
	{"expired, old token", func(g *grant.Grant) { g.ExpiresAt = start.Add(time.Minute) }, oneBehind, grant.Expired},
	{"before expiry", func(g *grant.Grant) { g.ExpiresAt = start.Add(time.Minute + aMicro) }, nil, grant.Rotated},

	{"current, unchecked audience", nil, unchecked, grant.Unchecked},
	{"ahead, unchecked audience", nil, func(a *attempt) { unchecked(a); a.Generation = 6 }, grant.Unchecked},
	{"unchecked audience, late", nil, func(a *attempt) { unchecked(a); late(a) }, grant.Late},
	{"unchecked audience, revoked grant", revoked, unchecked, grant.Revoked},
	{"one behind, unchecked audience", nil, func(a *attempt) {
		unchecked(a)
		a.Generation, a.ReceivedAt = 4, start.Add(time.Second)
	}, grant.WithinLeeway},
	{"two behind, unchecked audience", nil, func(a *attempt) { unchecked(a); a.Generation = 3 }, grant.Reused},

	{"late", nil, late, grant.Late},
	{"late, old token", nil, func(a *attempt) { late(a); a.Generation = 1 }, grant.Late},
	{"late, ahead", nil, func(a *attempt) { late(a); a.Generation = 9 }, grant.Late},
	{"late, revoked grant", revoked, late, grant.Revoked},
	{"missing", nil, func(a *attempt) { a.Grant[15] = 99 }, grant.Missing},
}

// build returns the row and the attempt of a case. The id differs from that of
// the other cases.
func (c refreshCase) build(id byte) (grant.Grant, grant.RefreshAttempt) {
	g := aGrant(id, "usr_ann")
	a := currentToken(g)
	if c.row != nil {
		c.row(&g)
	}
	if c.attempt != nil {
		c.attempt(&a)
	}
	if !g.SuspendedAt.IsZero() { // All grants of a user are suspended together.
		g.UserID = "usr_suspended" + strconv.Itoa(int(id))
	}
	return g, a
}

// after returns the row after an attempt with the outcome.
func after(o grant.Outcome, g grant.Grant, a grant.RefreshAttempt) grant.Grant {
	switch o {
	case grant.Rotated, grant.Ahead:
		g.Generation, g.KeyHash, g.MACKey = a.Generation+1, a.KeyHash, a.MACKey
		if a.ReceivedAt.After(g.RotatedAt) {
			g.RotatedAt = a.ReceivedAt
		}
	case grant.Reused:
		g.RevokedAt, g.RevokeReason = a.ReceivedAt, audit.RevokedByReuse
	}
	return g
}

// check compares the result and the row with those of the case.
func (c refreshCase) check(t *testing.T, s Store, g grant.Grant, a grant.RefreshAttempt, r grant.RefreshResult) {
	t.Helper()
	if r.Outcome != c.want {
		t.Errorf("%s: %s, want %s", c.name, r.Outcome, c.want)
	}
	want := after(c.want, g, a)
	equal(t, stored(t, s, g.ID), want)
	switch c.want {
	case grant.Missing:
		equal(t, r.Grant, grant.Grant{})
	case grant.Late:
		equal(t, r.Grant.ID, g.ID)
	default:
		equal(t, r.Grant, want)
	}
}
