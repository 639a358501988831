package browser

import (
	"sync"

	"github.com/signetd/signet/internal/oauth"
)

// maxSessions is the maximum number of sessions that a Checker holds. Each one
// takes about 2 KiB.
const maxSessions = 32768

// sessions are the held sessions, by the ids of their grants. If there are too
// many, the one that was used least recently goes.
type sessions struct {
	max int

	mu   sync.Mutex
	byID map[oauth.GrantID]*session
	// newest and oldest are the ends of the list by last use.
	newest, oldest *session
}

// get returns the session of that id. It adds the session if it is not held.
func (h *sessions) get(id oauth.GrantID) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.byID[id]
	switch {
	case s == nil:
		if len(h.byID) >= h.max {
			h.remove(h.oldest)
		}
		if h.byID == nil {
			h.byID = make(map[oauth.GrantID]*session)
		}
		s = &session{id: id}
		h.byID[id] = s
	case s == h.newest:
		return s
	default:
		h.unlink(s)
	}
	h.link(s)
	return s
}

// drop removes the session of that id. Checks that have begun may still use it.
func (h *sessions) drop(id oauth.GrantID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.byID[id]; s != nil {
		h.remove(s)
	}
}

func (h *sessions) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.byID)
}

func (h *sessions) remove(s *session) {
	delete(h.byID, s.id)
	h.unlink(s)
}

// link makes s the newest session.
func (h *sessions) link(s *session) {
	s.older = h.newest
	if s.older != nil {
		s.older.newer = s
	} else {
		h.oldest = s
	}
	h.newest = s
}

// unlink takes s out of the list.
func (h *sessions) unlink(s *session) {
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		h.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		h.oldest = s.newer
	}
	s.newer, s.older = nil, nil
}
