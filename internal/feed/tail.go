package feed

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

const (
	// pageSize is how many entries one read of the store returns.
	pageSize = 5000
	// readTimeout is the time limit of one read.
	readTimeout = 2 * time.Second
	// maxSegment is about how many entries a segment may have. A verifier
	// that lacks more of them gets all entries.
	maxSegment = 5000
)

// errRewound means that the log changed again and again while it was read.
var errRewound = errors.New("the log of revocations changed while it was read")

// A tail reads the log of the store, each time from where it stopped.
type tail struct {
	revocations func(ctx context.Context, from int64, limit int) (grant.LogPage, error)
	// last is the last entry that was read.
	last revocation.Position
	// pending are the entries after before that are in no segment yet.
	pending []grant.LoggedRevocation
	before  revocation.Position
	// reset means that pending does not follow on the last segment.
	reset bool
	// partial means that a read ended before the end of the log.
	partial bool
	// began is when the last complete read began, and at the store's clock
	// at that time. All entries that were committed by then have been read.
	began, at time.Time
}

// restart makes the next read begin with the first entry of the log.
func (t *tail) restart() {
	t.last, t.pending, t.before, t.reset = revocation.Position{}, nil, revocation.Position{}, true
}

// read reads the log to its end. It calls merge with the new entries of each
// page.
//
// Each page begins with the entry that was read last. If it is not there, or
// with another mark, the store was restored from a backup or lost its last
// transactions in a failover. Or it was swept while this server could not read
// it. Then read reads all of the log.
func (t *tail) read(ctx context.Context, merge func(grant.LogPage)) error {
	for restarts := 0; restarts <= 2; {
		began := time.Now()
		page, err := t.page(ctx)
		if err != nil {
			return err
		}
		size := len(page.Entries)
		if t.last.Seq > 0 {
			if size == 0 || page.Entries[0].Position != t.last {
				t.restart()
				t.partial = true
				restarts++
				continue
			}
			page.Entries = page.Entries[1:]
		}

		merge(page)
		t.add(page.Entries)
		t.partial = true
		if size < pageSize {
			t.partial, t.began, t.at = false, began, page.ReadAt
			return nil
		}
	}
	return errRewound
}

func (t *tail) page(ctx context.Context) (grant.LogPage, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return t.revocations(ctx, t.last.Seq, pageSize)
}

// add adds entries to those that are in no segment yet.
func (t *tail) add(entries []grant.LoggedRevocation) {
	for _, e := range entries {
		if e.Seq == t.last.Seq+1 {
			t.pending = append(t.pending, e)
		} else {
			// The entries before this one were swept. Its
			// predecessor has an unknown mark, so a segment can
			// only begin after it.
			t.pending, t.before, t.reset = nil, e.Position, true
		}
		t.last = e.Position
	}
	if drop := len(t.pending) - maxSegment; drop > maxSegment {
		t.before, t.reset = t.pending[drop-1].Position, true
		t.pending = slices.Clone(t.pending[drop:])
	}
}

// cut returns a segment of the entries that are in none yet, or nil if there
// are none.
func (t *tail) cut(keep int64) *Segment {
	if len(t.pending) == 0 {
		return nil
	}
	return newsSegment(revocation.Head{At: t.at.UnixMilli(), Keep: keep}, t.before, t.pending)
}

// published records that all entries are in segments.
func (t *tail) published() { t.pending, t.before, t.reset = nil, t.last, false }
