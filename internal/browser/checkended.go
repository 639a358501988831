package browser

import (
	"sync"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
)

// Ended drops the copies of what an audit event of this server has ended, so
// that the next check reads it. The events of other servers arrive with the
// revocation log, or when the copies are too old.
func (c *Checker) Ended(e audit.Event) {
	switch e.Name {
	case audit.GrantRevoked, audit.RefreshReused, audit.UserDisabled, audit.UserDeleted, audit.PasswordSet:
	default:
		return
	}
	if id, err := oauth.ParseGrantID(e.Grant); err == nil {
		c.held.drop(id)
	} else if e.Subject != "" {
		c.ended.add(e.Subject)
	}
}

// maxRecentEnds is the maximum number of subjects in recentEnds.
const maxRecentEnds = 4096

// recentEnds has the subjects whose grants this server has ended lately. Copies
// that were read before are not used. It numbers the ends, because two times
// may be equal.
type recentEnds struct {
	mu   sync.RWMutex
	last uint64 // the number of the last end
	// subjects has the number of the last end of each subject.
	subjects map[string]uint64
	// all concerns every subject. It replaces the subjects if there are too
	// many.
	all uint64
}

func (r *recentEnds) add(subject string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	if len(r.subjects) >= maxRecentEnds {
		clear(r.subjects)
		r.all = r.last
	}
	if r.subjects == nil {
		r.subjects = make(map[string]uint64)
	}
	r.subjects[subject] = r.last
}

// count returns the number of the last end.
func (r *recentEnds) count() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.last
}

// concern reports whether grants of the subject of a copy may have ended since
// it was read.
func (r *recentEnds) concern(copied *row) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return copied.ends < max(r.all, r.subjects[copied.grant.UserID])
}
