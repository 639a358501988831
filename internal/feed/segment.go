package feed

import (
	"encoding/base64"
	"slices"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

// A Segment is a part of the feed with its signed head. It is immutable, and
// the answers that contain it share it.
type Segment struct {
	// Head is a compact JWS whose payload is a revocation.Head.
	Head string
	// Entries are the encoded entries, and EncodedEntries the same in
	// base64url.
	Entries        []byte
	EncodedEntries string

	head revocation.Head
	// marks are those of the entries, except in a full segment.
	marks []int64
	// keyID is the kid of the key that signed the head.
	keyID    string
	signedAt time.Time
}

func newSegment(head revocation.Head, entries []byte) *Segment {
	head.Sum = revocation.Sum(entries)
	return &Segment{
		Entries: entries, EncodedEntries: base64.RawURLEncoding.EncodeToString(entries),
		head: head, signedAt: time.Now(),
	}
}

// newsSegment returns a segment of consecutive entries of the log, which is not
// signed yet.
func newsSegment(head revocation.Head, before revocation.Position, entries []grant.LoggedRevocation) *Segment {
	encoded, marks := make([]byte, 0, len(entries)*revocation.EntrySize), make([]int64, len(entries))
	last := before
	for i, e := range entries {
		encoded, marks[i], last = revocation.AppendEntry(encoded, e.Entry), e.Mark, e.Position
	}
	head.From, head.Prev, head.To, head.Mark = before.Seq+1, before.Mark, last.Seq, last.Mark
	s := newSegment(head, encoded)
	s.marks = marks
	return s
}

// fullSegment returns a segment of all entries of a table that has what the log
// had up to a position.
func fullSegment(head revocation.Head, position revocation.Position, entries []revocation.Entry) *Segment {
	encoded := make([]byte, 0, len(entries)*revocation.EntrySize)
	for _, e := range entries {
		encoded = revocation.AppendEntry(encoded, e)
	}
	head.From, head.To, head.Mark, head.Full = 1, position.Seq, position.Mark, true
	return newSegment(head, encoded)
}

// has reports whether the position is that before the segment, or that of one
// of its entries.
func (s *Segment) has(p revocation.Position) bool {
	if p == s.head.Before() {
		return true
	}
	i := p.Seq - s.head.From
	return i >= 0 && i < int64(len(s.marks)) && s.marks[i] == p.Mark
}

// size is about what the segment adds to an answer, in bytes.
func (s *Segment) size() int { return len(s.Head) + len(s.EncodedEntries) }

// A history has the segments of the last minutes, the oldest first. Each one
// begins where the one before it ends.
type history []*Segment

// after returns the segments after a position: the first one has the position
// or begins there. It returns false for a position that is not in the history,
// or that is the end of it.
func (h history) after(p revocation.Position) ([]*Segment, bool) {
	i, _ := slices.BinarySearchFunc(h, p.Seq, func(s *Segment, seq int64) int {
		if s.head.To > seq {
			return 1
		}
		return -1
	})
	if i == len(h) || !h[i].has(p) {
		return nil, false
	}
	return h[i:], true
}

// since returns the segments that were signed at that time or later.
func (h history) since(t time.Time) history {
	i := slices.IndexFunc(h, func(s *Segment) bool { return !s.signedAt.Before(t) })
	if i < 0 {
		return nil
	}
	return h[i:]
}
