package feed

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

const (
	// signEvery is the shortest time between two segments with news. So the
	// number of signatures is bounded, however many tokens are revoked.
	signEvery = 200 * time.Millisecond
	// confirmEvery is the shortest time between two heartbeats, and between
	// two segments with all entries.
	confirmEvery = time.Second
	// manySegments is the number of segments from which on their size is
	// compared with that of all entries.
	manySegments = 16
)

// A state is what polls are answered from. It is immutable.
type state struct {
	history  history
	position revocation.Position
	// latest is the segment that was signed last: that of the newest
	// entries, or a heartbeat at the end of it.
	latest *Segment
	// confirmed is when the read began that confirmed the position, and at
	// the store's clock at that time.
	confirmed, at time.Time
	keep          int64 // in seconds
	entries       int   // in the table
	// changed is closed when another state has replaced this one that
	// verifiers must learn of at once.
	changed chan struct{}
}

// fullSegments has the latest segment with all entries, which all answers
// share.
type fullSegments struct {
	mu     sync.Mutex // held while a segment is made
	latest *Segment
}

// newsDue returns when the next segment with news may be signed.
func (s *state) newsDue() time.Time {
	if len(s.history) == 0 {
		return time.Time{}
	}
	return s.history[len(s.history)-1].signedAt.Add(signEvery)
}

// after returns the segments from a position to the end. It returns false if
// the position is unknown.
func (s *state) after(p revocation.Position) ([]*Segment, bool) {
	if p == s.position {
		return []*Segment{s.latest}, true
	}
	segments, ok := s.history.after(p)
	if ok && segments[len(segments)-1] != s.latest {
		segments = append(slices.Clip(segments), s.latest)
	}
	return segments, ok
}

// behind returns how long the oldest entry after a position has been in the
// feed. It returns zero if there is none, or if the position is unknown.
func (s *state) behind(p revocation.Position) time.Duration {
	segments, ok := s.history.after(p)
	if !ok {
		return 0
	}
	return time.Since(segments[0].signedAt)
}

// dropInvalid removes the segments that verifiers refuse because of their key,
// and those before them.
func (s *state) dropInvalid(ctx context.Context, by signer) {
	valid := map[string]bool{}
	for i, segment := range slices.Backward(s.history) {
		if _, known := valid[segment.keyID]; !known {
			valid[segment.keyID] = by.valid(ctx, segment)
		}
		if !valid[segment.keyID] {
			s.history = s.history[i+1:]
			return
		}
	}
}

// prefersFull reports whether all entries are smaller than many segments.
func (s *state) prefersFull(segments []*Segment) bool {
	if len(segments) <= manySegments {
		return false
	}
	size := 0
	for _, segment := range segments {
		size += segment.size()
	}
	return size > s.entries*revocation.EntrySize*4/3
}
