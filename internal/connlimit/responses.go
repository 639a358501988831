package connlimit

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Responses bounds the long responses of an API that are being written. A
// caller that reads slowly, or nothing at all, delays its own response only: it
// may do so while there are few of them.
type Responses struct {
	max int

	mu sync.Mutex
	// open are the responses as *Response, the oldest first.
	open list.List
	// ended is closed when a response ends, and replaced.
	ended  chan struct{}
	queued int // responses that wait
}

const (
	// maxQueued is how long a response waits until it may begin.
	maxQueued = 2 * time.Second
	// queueShare is how many responses may wait for each that may be written.
	queueShare = 8
)

// NewResponses returns a bound of that many responses.
func NewResponses(maximum int) *Responses {
	return &Responses{max: maximum, ended: make(chan struct{})}
}

// A Response is one that is being written.
type Response struct {
	all *Responses
	// displace ends the response.
	displace func()
	since    time.Time

	// The mutex of all guards the field below.
	element *list.Element // in Responses.open, or nil
}

// Begin counts a response. While there are too many, it waits until one ends,
// or displaces the oldest one that has been written for more than a second. It
// returns nil if neither happens within two seconds, or before ctx ends, and at
// once if too many wait. It calls displace at most once, and End waits for
// that. displace must not block and must not call a method of the Responses or
// of the Response.
func (r *Responses) Begin(ctx context.Context, displace func()) *Response {
	ctx, cancel := context.WithTimeout(ctx, maxQueued)
	defer cancel()
	begun, retry, ended := r.begin(displace)
	if begun != nil || !r.enqueue() {
		return begun
	}
	defer r.dequeue()
	for ; begun == nil; begun, retry, ended = r.begin(displace) {
		timer := time.NewTimer(retry)
		select {
		case <-timer.C:
		case <-ended:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
	return begun
}

// enqueue counts a response that waits. It returns false if too many wait.
func (r *Responses) enqueue() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queued >= queueShare*r.max {
		return false
	}
	r.queued++
	return true
}

func (r *Responses) dequeue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queued--
}

// begin is Begin without waiting. If there are too many responses, it returns
// when the oldest one can be displaced, and a channel that is closed when a
// response has ended.
func (r *Responses) begin(displace func()) (begun *Response, retry time.Duration, ended <-chan struct{}) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open.Len() >= r.max {
		oldest := r.open.Front().Value.(*Response)
		if retry = minWait - now.Sub(oldest.since); retry > 0 {
			return nil, retry, r.ended
		}
		oldest.end()
		oldest.displace()
	}
	begun = &Response{all: r, displace: displace, since: now}
	begun.element = r.open.PushBack(begun)
	return begun, 0, nil
}

// End releases the place of the response. Further calls do nothing.
func (q *Response) End() {
	q.all.mu.Lock()
	defer q.all.mu.Unlock()
	q.end()
}

// end is End for a caller that holds the mutex.
func (q *Response) end() {
	if q.element != nil {
		q.all.open.Remove(q.element)
		q.element = nil
		close(q.all.ended)
		q.all.ended = make(chan struct{})
	}
}
