package browser

import (
	"slices"
	"sync"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// A session is a copy of a grant, and its access tokens.
type session struct {
	id oauth.GrantID
	// newer and older are the neighbours in the list. The mutex of sessions
	// guards them.
	newer, older *session

	mu  sync.Mutex
	row *row // nil before the first read
	// tokens are the access tokens. There is at most one for each audience of
	// the grant.
	tokens []heldToken
	// reading is the read in progress, or nil. signing are the signatures in
	// progress.
	reading *pendingCall
	signing map[string]*pendingCall
	// unread is when the last read failed, unless one has succeeded since, and
	// readErr its error.
	unread  time.Time
	readErr error
	// refused is a row for which the revocation log refuses new tokens,
	// although the grant is active.
	refused *row

	// touched is the last use that the store has, by its clock, if the row is
	// older. touching means that a write is in progress.
	touched  time.Time
	touching bool
	// untouched is when the last write failed.
	untouched time.Time
}

// A row is a copy of the row of a grant. It is immutable.
type row struct {
	grant grant.Grant
	// missing means that there is no such grant.
	missing bool
	// readAt is when the read began, and minted at the store's clock at that
	// time.
	readAt, minted time.Time
	// ends is the number of ends before it was read; see recentEnds.
	ends uint64
}

// A heldToken is the access token for an audience.
type heldToken struct {
	audience string
	access   *issuer.SessionAccess
}

// A pendingCall is a read or a signature that several checks wait for.
type pendingCall struct {
	began time.Time
	done  chan struct{}
	// access and err are the result of a signature. They do not change after
	// done is closed.
	access *issuer.SessionAccess
	err    error
}

func newPendingCall() *pendingCall { return &pendingCall{began: time.Now(), done: make(chan struct{})} }

// state returns the copy, the last use, and the access token for the audience.
// Each may be zero.
func (s *session) state(audience string) (copied *row, touched time.Time, access *issuer.SessionAccess) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.row, s.touched, s.token(audience)
}

// token returns the access token for the audience, or nil. The caller holds mu.
func (s *session) token(audience string) *issuer.SessionAccess {
	for _, t := range s.tokens {
		if t.audience == audience {
			return t.access
		}
	}
	return nil
}

// beginSigning returns the signature for the audience that is in progress. mine
// is true if the caller has begun it. Then the caller calls endSigning. If the
// session has another token for the audience than old by now, beginSigning
// returns that, and no signature.
func (s *session) beginSigning(audience string, old *issuer.SessionAccess) (
	newer *issuer.SessionAccess, signing *pendingCall, mine bool,
) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.token(audience); held != nil && held != old {
		return held, nil, false
	}
	if signing = s.signing[audience]; signing != nil {
		return nil, signing, false
	}
	if s.signing == nil {
		s.signing = make(map[string]*pendingCall, 1)
	}
	signing = newPendingCall()
	s.signing[audience] = signing
	return nil, signing, true
}

// endSigning holds the access token of a signature that has succeeded.
func (s *session) endSigning(audience string, signing *pendingCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.signing, audience); len(s.signing) == 0 {
		s.signing = nil
	}
	if signing.err == nil {
		s.tokens = slices.DeleteFunc(s.tokens, func(t heldToken) bool { return t.audience == audience })
		s.tokens = append(s.tokens, heldToken{audience, signing.access})
	}
	close(signing.done)
}

// refuse remembers that the revocation log refuses new tokens for a copy.
func (s *session) refuse(copied *row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = copied
}

// isRefused reports whether refuse was called for the copy.
func (s *session) isRefused(copied *row) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused == copied
}
