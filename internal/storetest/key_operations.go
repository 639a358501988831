package storetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/signetd/signet/keys"
)

// keyOperations are the operations on the key ring.
type keyOperations struct{ *pair }

func (p keyOperations) swapRing() {
	from, next := rapid.Int64Range(0, 3).Draw(p.t, "from"), p.ring()
	compromised := rapid.SliceOfN(rapid.StringMatching("[a-e]"), 0, 2).Draw(p.t, "compromised")
	p.change("SwapRing", func(s Store) error { return s.SwapRing(p.ctx, from, next, compromised) })
}

// ring returns a key ring.
func (p keyOperations) ring() keys.Ring {
	r := keys.Ring{Restored: rapid.Int64Range(0, 2).Draw(p.t, "restored")}
	for _, id := range rapid.SliceOfNDistinct(rapid.ByteRange('a', 'e'), 0, 4, rapid.ID).Draw(p.t, "keys") {
		k := keys.Key{
			ID: string(id), Algorithm: keys.ES256, Sealed: p.key().Bytes(),
			CreatedAt: p.moment(start), ActivateAt: p.moment(start),
		}
		if rapid.Bool().Draw(p.t, "spare") {
			k.ActivateAt = time.Time{}
		}
		r.Keys = append(r.Keys, k)
		r.KEKs = append(r.KEKs, keys.KEK{ID: string(id), Check: []byte{id}, CreatedAt: p.moment(start)})
	}
	return r
}
