package verifytest

import (
	"time"

	"github.com/signetd/signet/internal/revocation"
)

// A log is the log of revocations.
type log struct {
	entries []logged
	// table has the same entries, for the introspection endpoint.
	table revocation.Table
	// last is the last moment of the clock.
	last int64
}

// A logged entry has the mark of its transaction. Its number is its index plus
// one.
type logged struct {
	mark  int64
	entry revocation.Entry
}

// moment returns the time in microseconds since 1970. Each call returns a later
// one, so that a token which is made before a revocation is refused also in a
// synctest bubble, where the clock stands still in between.
func (l *log) moment() int64 {
	l.last = max(l.last+1, time.Now().UnixMicro())
	return l.last
}

// reached makes the next moment later than this one, unless it is in the
// future.
func (l *log) reached(moment int64) {
	if moment <= time.Now().UnixMicro() {
		l.last = max(l.last, moment)
	}
}

// add writes entries in one transaction.
func (l *log) add(hashes ...revocation.Hash) {
	mark, before := revocation.NewMark(), l.moment()
	for _, h := range hashes {
		e := revocation.Entry{Hash: h, Before: before}
		l.entries = append(l.entries, logged{mark, e})
		l.table.Merge([]revocation.Entry{e})
	}
}

// end returns the position of the newest entry.
func (l *log) end() revocation.Position { return l.at(int64(len(l.entries))) }

// at returns the position of the entry with that number.
func (l *log) at(seq int64) revocation.Position {
	if seq == 0 {
		return revocation.Position{}
	}
	return revocation.Position{Seq: seq, Mark: l.entries[seq-1].mark}
}

// has reports whether the log has the position.
func (l *log) has(p revocation.Position) bool {
	return p.Seq <= int64(len(l.entries)) && l.at(p.Seq) == p
}

// after returns the encoded entries after a position, and the head of their
// segment without the members that do not depend on them.
func (l *log) after(p revocation.Position) (revocation.Head, []byte) {
	var encoded []byte
	for _, e := range l.entries[p.Seq:] {
		encoded = revocation.AppendEntry(encoded, e.entry)
	}
	end := l.end()
	return revocation.Head{
		From: p.Seq + 1, To: end.Seq, Prev: p.Mark, Mark: end.Mark, Sum: revocation.Sum(encoded), Full: false,
	}, encoded
}

// full is like after, with all entries.
func (l *log) full() (revocation.Head, []byte) {
	head, encoded := l.after(revocation.Position{})
	head.Full = true
	return head, encoded
}
