package revocation

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
	"sync/atomic"
)

// A Table has the latest moment of each hash. Any number of goroutines may read
// it while one goroutine writes to it: a reader takes no lock. The order and
// the number of times in which entries are merged do not matter. The zero value
// is an empty table.
//
// An entry takes between 21 and 27 bytes in a table with many entries.
type Table struct {
	slots atomic.Pointer[slots]
	count int // entries; for the writer only
	names names
}

// slots is an array with open addressing and linear probing.
type slots struct {
	// seed changes the order of hashes, so that nobody can choose subjects
	// whose entries are next to each other. It is odd.
	seed  uint64
	array []slot
}

// A slot is empty while its hash is zero. The hash is written after the moment
// and never changes.
type slot struct{ hash, before atomic.Uint64 }

// minSlots is the smallest number of slots.
const minSlots = 64

// full reports whether that many slots are too few for that many entries: a
// quarter of the slots stays empty, so that searches are short.
func full(slots, count int) bool { return count*4 > slots*3 }

// slotsFor returns the number of slots of a table that grows or shrinks. The
// table can then grow by a quarter in place.
func slotsFor(count int) int { return max(minSlots, count*5/3) }

// Get returns the latest moment of the entries with this hash, in microseconds
// since 1970, and whether there is one.
func (t *Table) Get(h Hash) (before int64, ok bool) {
	s := t.slots.Load()
	if s == nil {
		return 0, false
	}
	for i := s.first(h); ; i = s.next(i) {
		switch s.array[i].hash.Load() {
		case uint64(h):
			return int64(s.array[i].before.Load()), true
		case 0:
			return 0, false
		}
	}
}

// Len returns the number of entries. Only the writer may call it.
func (t *Table) Len() int { return t.count }

// Merge adds entries. If there already is one with the same hash, the later
// moment counts.
func (t *Table) Merge(entries []Entry) {
	for _, e := range entries {
		s := t.slots.Load()
		if s == nil || full(len(s.array), t.count+1) {
			s = t.rebuild(slotsFor(t.count+1), 0)
		}
		if s.put(e) {
			t.count++
		}
	}
}

// Expire removes the entries whose moment is before that of the argument, in
// microseconds since 1970.
func (t *Table) Expire(before int64) {
	expired := 0
	for _, e := range t.Entries() {
		if e.Before < before {
			expired++
		}
	}
	if expired > 0 {
		t.count -= expired
		t.rebuild(slotsFor(t.count), before)
	}
}

// Entries returns all entries, in any order. Only the writer may call it.
func (t *Table) Entries() []Entry {
	s := t.slots.Load()
	if s == nil {
		return nil
	}
	entries := make([]Entry, 0, t.count)
	for i := range s.array {
		if h := s.array[i].hash.Load(); h != 0 {
			entries = append(entries, Entry{Hash(h), int64(s.array[i].before.Load())})
		}
	}
	return entries
}

// rebuild replaces the slots. It leaves out the entries before that moment.
func (t *Table) rebuild(size int, before int64) *slots {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // crypto/rand never fails
	s := &slots{seed: binary.BigEndian.Uint64(seed[:]) | 1, array: make([]slot, size)}
	if old := t.slots.Load(); old != nil {
		for i := range old.array {
			e := Entry{Hash(old.array[i].hash.Load()), int64(old.array[i].before.Load())}
			if e.Hash != 0 && e.Before >= before {
				s.put(e)
			}
		}
	}
	t.slots.Store(s)
	return s
}

// put adds an entry and reports whether its hash is new.
func (s *slots) put(e Entry) bool {
	for i := s.first(e.Hash); ; i = s.next(i) {
		slot := &s.array[i]
		switch slot.hash.Load() {
		case uint64(e.Hash):
			if e.Before > int64(slot.before.Load()) {
				slot.before.Store(uint64(e.Before))
			}
			return false
		case 0:
			slot.before.Store(uint64(e.Before))
			slot.hash.Store(uint64(e.Hash))
			return true
		}
	}
}

// first returns the index of the slot at which the search for a hash begins.
func (s *slots) first(h Hash) int {
	high, _ := bits.Mul64(uint64(h)*s.seed, uint64(len(s.array)))
	return int(high)
}

// next returns the index after i. The array is never full, so that a search
// ends.
func (s *slots) next(i int) int {
	if i++; i < len(s.array) {
		return i
	}
	return 0
}
