package storetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/oauth"
)

// There are few values, so that operations concern the same records.

func (p *pair) name() string {
	return rapid.SampledFrom([]string{"ann", "Bob", "çelik"}).Draw(p.t, "name")
}

func (p *pair) client() string {
	return rapid.SampledFrom([]string{"app", "Web", "cli"}).Draw(p.t, "client")
}

func (p *pair) clientOrAny() string {
	return rapid.SampledFrom([]string{"", p.client()}).Draw(p.t, "whose")
}

func (p *pair) grantID() oauth.GrantID {
	return oauth.GrantID{rapid.ByteRange(1, 16).Draw(p.t, "grant")}
}

func (p *pair) limit() int { return rapid.IntRange(0, 4).Draw(p.t, "limit") }

// moment returns since, or since plus the leeway or the idle lifetime of the
// generated grants, exactly or with a small difference.
func (p *pair) moment(since time.Time) time.Time {
	near := rapid.SampledFrom([]time.Duration{0, 10 * time.Second, time.Minute}).Draw(p.t, "near")
	off := rapid.SampledFrom([]time.Duration{
		-time.Second, -time.Microsecond, 0, time.Nanosecond, time.Microsecond, time.Second,
	}).Draw(p.t, "off")
	return since.Add(near + off)
}

// key returns the hash of an idempotency key, or none.
func (p *pair) key() oauth.Digest {
	return rapid.SampledFrom([]oauth.Digest{{}, digest("one"), digest("two")}).Draw(p.t, "key")
}

// mostly returns usual in seven of eight cases, and the value of other in the
// eighth.
func mostly[T any](t *rapid.T, usual T, other func() T) T {
	if rapid.IntRange(0, 7).Draw(t, "usual") > 0 {
		return usual
	}
	return other()
}
