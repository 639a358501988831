package feed

import (
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// fullAge is how old a segment with all entries may become while there is no
// new entry. Then it is made again without the expired ones.
const fullAge = time.Minute

// all returns a segment with all entries, and those that follow on it. It makes
// such a segment at most once a second, unless the key ring has changed.
func (f *Feed) all() (*state, []*Segment, error) {
	f.full.mu.Lock()
	defer f.full.mu.Unlock()
	s := f.state.Load() // is at or after the position of the segment
	last := f.full.latest
	segments := s.from(last)
	if segments != nil && !f.fullDue(s, last) {
		return s, segments, nil
	}

	f.writing.Lock()
	entries := f.o.Table.Entries()
	f.writing.Unlock()
	segment := fullSegment(revocation.Head{At: s.at.UnixMilli(), Keep: s.keep}, s.position, entries)
	if err := f.signer.sign(segment, full); err != nil {
		if segments != nil {
			return s, segments, nil
		}
		return nil, nil, oauth.Unavailable(err)
	}
	f.full.latest = segment
	return s, s.from(segment), nil
}

// fullDue reports whether a segment with all entries must be made again.
func (f *Feed) fullDue(s *state, last *Segment) bool {
	age := time.Since(last.signedAt)
	switch {
	case last.head.Keys != s.latest.head.Keys, f.signer.revoked(last.keyID):
		return true
	case last.head.After() == s.position:
		return age >= fullAge
	}
	return age >= confirmEvery
}

// from returns a segment with all entries and those that follow on it. It
// returns nil if its position is unknown.
func (s *state) from(last *Segment) []*Segment {
	if last == nil {
		return nil
	}
	segments := []*Segment{last}
	following, ok := s.after(last.head.After())
	switch {
	case !ok:
		return nil
	case last.head.After() != s.position, len(s.latest.Entries) == 0:
		return append(segments, following...)
	}
	return segments // it has the entries of the latest segment
}
