package grant

import (
	"testing"
	"time"
)

func TestGrant_State(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	active := Grant{RotatedAt: now, IdleLifetime: time.Hour, ExpiresAt: now.Add(24 * time.Hour)}
	for name, c := range map[string]struct {
		edit func(*Grant)
		at   time.Duration
		want State
	}{
		"active":                  {func(*Grant) {}, time.Minute, StateActive},
		"idle":                    {func(*Grant) {}, time.Hour, StateExpired},
		"expired":                 {func(g *Grant) { g.ExpiresAt = now.Add(time.Minute) }, time.Minute, StateExpired},
		"suspended":               {func(g *Grant) { g.SuspendedAt = now }, 0, StateSuspended},
		"suspended and expired":   {func(g *Grant) { g.SuspendedAt = now }, time.Hour, StateExpired},
		"revoked":                 {func(g *Grant) { g.RevokedAt = now }, 0, StateRevoked},
		"revoked, then suspended": {func(g *Grant) { g.RevokedAt, g.SuspendedAt = now, now }, time.Hour, StateRevoked},
		"just before":             {func(*Grant) {}, time.Hour - time.Microsecond, StateActive},
	} {
		g := active
		if c.edit(&g); g.State(now.Add(c.at)) != c.want {
			t.Errorf("%s: %s, want %s", name, g.State(now.Add(c.at)), c.want)
		}
	}
}
