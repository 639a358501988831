package verifytest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

const (
	// maxWait is the longest wait of a poll.
	maxWait = 10 * time.Second
	// minKeep is how long an entry is kept at least, and margin how much
	// longer than the longest token lives.
	minKeep = 10 * time.Minute
	margin  = 90 * time.Second
)

// revocations answers a poll of the feed. A poll that has all entries waits
// until there are more, or until the end of its wait.
func (s *server) revocations(r *http.Request) (answer, error) {
	query := r.URL.Query()
	if !query.Has("after") {
		a, err := s.segment(0, s.log.full)
		if err != nil {
			return answer{}, err
		}
		return a.cached("public, max-age=1, must-revalidate", `"`+s.log.end().String()+`"`), nil
	}

	after, err := revocation.ParsePosition(query.Get("after"))
	if err != nil {
		return failure(http.StatusBadRequest), nil
	}
	var wait time.Duration
	if query.Has("wait") {
		wait, err = time.ParseDuration(query.Get("wait"))
		if err != nil || wait < 0 || wait > maxWait {
			return failure(http.StatusBadRequest), nil
		}
	}

	began := time.Now()
	if wait > 0 && s.log.end() == after {
		s.wait(r.Context(), wait)
	}
	switch err := r.Context().Err(); {
	case err != nil:
		return answer{}, err
	case s.cut:
		return answer{}, errCut
	}
	return s.news(after, time.Since(began))
}

// news returns the entries after a position, or all if the log does not have
// the position.
func (s *server) news(after revocation.Position, held time.Duration) (answer, error) {
	entries := s.log.full
	if s.log.has(after) {
		entries = func() (revocation.Head, []byte) { return s.log.after(after) }
	}
	a, err := s.segment(held, entries)
	if err != nil {
		return answer{}, err
	}
	a.header.Set("Cache-Control", "no-store")
	return a, nil
}

// segment returns the answer to a poll: one signed segment.
func (s *server) segment(held time.Duration, entries func() (revocation.Head, []byte)) (answer, error) {
	keys, err := s.keySet()
	if err != nil {
		return answer{}, err
	}
	now := time.Now()
	head, encoded := entries()
	head.Issuer, head.IssuedAt, head.At = URL, now.Unix(), now.UnixMilli()
	head.Keep = int64((max(minKeep, s.lifetime) + margin).Seconds())
	head.Keys = keys.keysETag()
	payload, err := json.Marshal(head)
	if err != nil {
		return answer{}, err
	}
	k := s.ring.signer("")
	signed, err := k.sign(k.header(revocation.HeadType), payload)
	if err != nil {
		return answer{}, err
	}
	return document(revocation.Answer{
		Segments: []revocation.Segment{{Head: signed, Entries: encode(encoded)}}, HeldMS: held.Milliseconds(),
	})
}
