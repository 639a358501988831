package connlimit

import (
	"container/list"
	"sync"
	"time"
)

const (
	// waitingShare is the part of the requests that may wait for their callers
	// for longer than minWait.
	waitingShare = 4
	// minWait is how long a request may wait for its caller in any case, unless
	// there are too many requests in all. When many whole requests arrive
	// together, each waits for a CPU before the server has read it.
	minWait = time.Second
)

// Requests bounds the requests of a listener that are in progress.
//
// A caller may begin a request and not send the rest of it. Only a part of the
// requests may wait for their callers for more than a second. If there are
// more, a new request displaces those that have waited longest. So a caller
// that begins many requests displaces its own: a caller that sends the whole
// request at once waits too short a time to be displaced.
type Requests struct {
	max int

	mu   sync.Mutex
	open int
	// waiting are the requests that wait for their callers, as *Request, those
	// that have waited longest first.
	waiting            list.List
	displaced, refused uint64
}

// NewRequests returns the bound for a listener with at most that many requests
// in progress.
func NewRequests(maximum int) *Requests { return &Requests{max: maximum} }

// A Request is one request in progress.
type Request struct {
	all *Requests
	// displace ends the request.
	displace func()

	// The mutex of all guards the fields below.
	element *list.Element // in Requests.waiting, or nil
	since   time.Time     // when it began to wait for its caller
	ended   bool          // not counted in Requests.open
}

// Begin counts a request that waits for its caller. It returns nil if there are
// too many requests that have arrived. If another request displaces this one,
// its goroutine calls displace, once, and End waits for that. displace must not
// block and must not call a method of the Requests or of the Request.
func (r *Requests) Begin(displace func()) *Request {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.displaceLong(now)
	if r.open >= r.max && !r.displaceOldest() {
		r.refused++
		return nil
	}
	r.open++
	begun := &Request{all: r, displace: displace, since: now}
	begun.element = r.waiting.PushBack(begun)
	return begun
}

// displaceLong displaces requests that have waited for minWait, until one more
// may wait. The caller holds the mutex.
func (r *Requests) displaceLong(now time.Time) {
	for r.waiting.Len() >= max(1, r.max/waitingShare) {
		if oldest := r.waiting.Front().Value.(*Request); now.Sub(oldest.since) < minWait {
			return
		}
		r.displaceOldest()
	}
}

// displaceOldest displaces the request that has waited longest. It returns
// false if none waits. The caller holds the mutex.
func (r *Requests) displaceOldest() bool {
	first := r.waiting.Front()
	if first == nil {
		return false
	}
	oldest := first.Value.(*Request)
	oldest.end()
	oldest.displace()
	r.displaced++
	return true
}

// Arrived notes that the server has the whole request. From then on no other
// request displaces it. It returns false if that has already happened.
func (q *Request) Arrived() bool {
	q.all.mu.Lock()
	defer q.all.mu.Unlock()
	if q.ended {
		return false
	}
	q.stopWaiting()
	return true
}

// Waits notes that a request that had arrived waits for its caller again, to
// read the response. It returns false if the request has been displaced.
func (q *Request) Waits() bool {
	now := time.Now()
	q.all.mu.Lock()
	defer q.all.mu.Unlock()
	if q.ended {
		return false
	}
	q.stopWaiting()
	q.all.displaceLong(now)
	q.since, q.element = now, q.all.waiting.PushBack(q)
	return true
}

// End releases the place of the request. Further calls do nothing.
func (q *Request) End() {
	q.all.mu.Lock()
	defer q.all.mu.Unlock()
	q.end()
}

// end is End for a caller that holds the mutex.
func (q *Request) end() {
	q.stopWaiting()
	if !q.ended {
		q.ended = true
		q.all.open--
	}
}

// stopWaiting removes the request from those that wait for their callers. The
// caller holds the mutex.
func (q *Request) stopWaiting() {
	if q.element != nil {
		q.all.waiting.Remove(q.element)
		q.element = nil
	}
}

// RequestStats are the numbers of Requests.
type RequestStats struct {
	// Max is the maximum number of requests in progress, Open is their present
	// number, and Waiting are those of them that wait for their callers.
	Max, Open, Waiting int
	// Displaced counts the requests that a new one has ended, and Refused those
	// that could not begin.
	Displaced, Refused uint64
}

// Stats returns the present numbers.
func (r *Requests) Stats() RequestStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return RequestStats{
		Max: r.max, Open: r.open, Waiting: r.waiting.Len(), Displaced: r.displaced, Refused: r.refused,
	}
}
