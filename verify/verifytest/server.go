package verifytest

import (
	"context"
	"errors"
	"sync"
	"time"
)

// URL is the issuer identifier of every Issuer. Nothing listens there: only the
// Issuer itself answers requests for it; see RoundTrip.
const URL = "https://issuer.test"

// errCut is the error of requests to an issuer that is unreachable.
var errCut = errors.New("the issuer is unreachable")

// A server is what the requests to an issuer read.
type server struct {
	mu   sync.Mutex // for everything below
	ring ring
	log  log
	// lifetime is the longest of any token.
	lifetime time.Duration
	cut      bool
	// changed is closed at the next change. It is made by the first request
	// that waits for one, so that it belongs to the bubble of this request.
	changed chan struct{}
}

// change calls f, and ends the waits of all requests.
func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait waits for the next change, for at most d. The caller holds the mutex,
// and holds it again afterwards.
func (s *server) wait(ctx context.Context, d time.Duration) {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	changed, timer := s.changed, time.NewTimer(d)
	defer timer.Stop()
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}
