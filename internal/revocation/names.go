package revocation

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// names remembers the hashes of texts that many tokens share: those of keys,
// clients, audiences and the issuer. A lookup takes a fraction of the time of
// SHA-256. Any number of goroutines may use it without a lock. The zero value
// remembers nothing yet.
//
// A text is never replaced by another one. If there is no slot for a text, its
// hash is computed each time.
type names struct {
	slots [512]atomic.Pointer[name]
}

// A name is a text and its hash for one kind.
type name struct {
	kind Kind
	text string
	hash Hash
}

const (
	// nameProbes is how many slots a text may be in.
	nameProbes = 4
	// maxName is the length of the longest text that is remembered. No
	// client or audience of an issuer is longer.
	maxName = 256
)

var nameSeed = maphash.MakeSeed()

// hash returns k.Hash(text).
func (n *names) hash(k Kind, text string) Hash {
	first := maphash.String(nameSeed, text) + uint64(k)
	for i := range uint64(nameProbes) {
		slot := &n.slots[(first+i)%uint64(len(n.slots))]
		found := slot.Load()
		if found == nil {
			h := k.Hash(text)
			if len(text) <= maxName {
				// The clone does not keep the token in memory
				// that text is a part of.
				slot.CompareAndSwap(nil, &name{k, strings.Clone(text), h})
			}
			return h
		}
		if found.kind == k && found.text == text {
			return found.hash
		}
	}
	return k.Hash(text)
}
