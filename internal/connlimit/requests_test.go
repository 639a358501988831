package connlimit

import (
	"testing"
	"testing/synctest"
	"time"
)

// begin begins a request that appends its name to displaced when it is
// displaced.
func begin(r *Requests, displaced *[]string, name string) *Request {
	return r.Begin(func() { *displaced = append(*displaced, name) })
}

// Rule 76: a request beyond those that may wait for more than a second
// displaces the one that has waited longest, and none that has arrived.
func TestRule76_NewRequestDisplacesTheOldestThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRequests(8)
		var displaced []string
		arrived := begin(r, &displaced, "arrived")
		if !arrived.Arrived() {
			t.Error("a request was displaced for nothing")
		}
		first, second := begin(r, &displaced, "first"), begin(r, &displaced, "second")
		time.Sleep(minWait)
		begin(r, &displaced, "third")
		if len(displaced) != 1 || displaced[0] != "first" || first.Arrived() || !second.Arrived() {
			t.Errorf("displaced %v, want the first", displaced)
		}
		if got, want := r.Stats(), (RequestStats{Max: 8, Open: 3, Waiting: 1, Displaced: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		first.End() // it is not counted any more
		arrived.End()
		arrived.End()
		if got := r.Stats().Open; got != 2 {
			t.Errorf("%d requests are open, want 2", got)
		}
	})
}

// Many requests that arrive together do not displace each other within the
// bound. If they wait for their callers for a second, a new one displaces those
// above the part that may.
func TestRule76_BurstOfRequestsIsNotDisplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRequests(8)
		var displaced []string
		names := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
		var all []*Request
		for _, name := range names {
			all = append(all, begin(r, &displaced, name))
		}
		time.Sleep(minWait - time.Nanosecond)
		if len(displaced) > 0 || !all[0].Arrived() {
			t.Errorf("displaced %v of a burst", displaced)
		}
		begin(r, &displaced, "one more")
		if len(displaced) != 1 || displaced[0] != "2" {
			t.Errorf("displaced %v, want the oldest that waits", displaced)
		}
		time.Sleep(time.Nanosecond)
		begin(r, &displaced, "later")
		if got, want := r.Stats(), (RequestStats{Max: 8, Open: 3, Waiting: 2, Displaced: 7}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// Requests that have arrived are never displaced: above the bound, new ones are
// refused.
func TestRequests_RefusesAboveTheBound(t *testing.T) {
	r := NewRequests(3)
	var displaced []string
	var all []*Request
	for range 3 {
		q := begin(r, &displaced, "arrived")
		q.Arrived()
		all = append(all, q)
	}
	if begin(r, &displaced, "refused") != nil || r.Stats().Refused != 1 || len(displaced) > 0 {
		t.Errorf("%+v, displaced %v", r.Stats(), displaced)
	}
	all[0].End()
	waiting := begin(r, &displaced, "waiting")
	if waiting == nil {
		t.Fatal("refused although one may begin")
	}
	begin(r, &displaced, "next")
	if len(displaced) != 1 || displaced[0] != "waiting" {
		t.Errorf("displaced %v", displaced)
	}
}

// A request does not end while another one displaces it, so that what displace
// uses, such as the response, still exists.
func TestRequests_EndWaitsForDisplace(t *testing.T) {
	r := NewRequests(1)
	displaced := false
	r.Begin(func() {
		displaced = true
		if r.mu.TryLock() { // End needs the mutex
			r.mu.Unlock()
			t.Error("a request can end while it is displaced")
		}
	})
	r.Begin(func() {})
	if !displaced {
		t.Error("the first request was not displaced")
	}
}

// A request whose response the caller does not read can be displaced again.
func TestRequests_WaitsForTheReaderOfTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRequests(8)
		var displaced []string
		first, second := begin(r, &displaced, "first"), begin(r, &displaced, "second")
		time.Sleep(minWait)
		if !first.Arrived() || !second.Arrived() || !first.Waits() || !second.Waits() || len(displaced) > 0 {
			t.Fatalf("displaced %v", displaced)
		}
		time.Sleep(minWait - time.Nanosecond)
		begin(r, &displaced, "third").End()
		if len(displaced) > 0 {
			t.Fatalf("displaced %v", displaced)
		}
		time.Sleep(time.Nanosecond)
		begin(r, &displaced, "fourth")
		if len(displaced) != 1 || displaced[0] != "first" || first.Waits() {
			t.Errorf("displaced %v, want the first", displaced)
		}
		if got, want := r.Stats(), (RequestStats{Max: 8, Open: 2, Waiting: 2, Displaced: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}
