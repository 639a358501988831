package connlimit

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Rule 76: a response beyond the bound displaces the oldest one that has been
// written for more than a second, and none that is younger.
func TestRule76_NewResponseDisplacesTheOldestThatIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, start := NewResponses(2), time.Now()
		var displaced []string
		begin := func(name string) *Response {
			return all.Begin(t.Context(), func() { displaced = append(displaced, name) })
		}
		first := begin("first")
		time.Sleep(minWait / 2)
		second := begin("second")
		third := begin("third")
		took := time.Since(start)
		if third == nil || took != minWait || len(displaced) != 1 || displaced[0] != "first" {
			t.Errorf("displaced %v after %v, want the first after %v", displaced, took, minWait)
		}

		first.End() // it is not counted any more
		go func() { time.Sleep(minWait / 4); second.End(); second.End() }()
		fourth := begin("fourth")
		if took := time.Since(start); took != minWait*5/4 || fourth == nil || len(displaced) != 1 {
			t.Errorf("displaced %v after %v, want the first alone", displaced, took)
		}
		fifth := begin("fifth")
		if took := time.Since(start); took != 2*minWait || fifth == nil || displaced[1] != "third" {
			t.Errorf("displaced %v after %v", displaced, took)
		}
	})
}

// A response whose caller has gone does not begin and displaces none.
func TestResponses_CallerHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, start := NewResponses(1), time.Now()
		displaced := false
		all.Begin(t.Context(), func() { displaced = true })
		ctx, cancel := context.WithTimeout(t.Context(), minWait/4)
		defer cancel()
		if all.Begin(ctx, func() {}) != nil || displaced || time.Since(start) != minWait/4 {
			t.Errorf("displaced %v after %v", displaced, time.Since(start))
		}
	})
}

// Rule 76: only some responses wait until they may begin, because those that
// wait are requests in progress.
func TestRule76_FewResponsesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := NewResponses(1)
		first := all.Begin(t.Context(), func() {})
		begun := make(chan *Response, queueShare)
		for range queueShare {
			go func() { begun <- all.Begin(t.Context(), func() {}) }()
		}
		synctest.Wait()
		start := time.Now()
		if all.Begin(t.Context(), func() {}) != nil || time.Since(start) > 0 {
			t.Errorf("one more than may wait was not refused at once, but after %v", time.Since(start))
		}

		first.End()
		for range queueShare {
			next := <-begun
			if next == nil {
				t.Fatal("a response that waited was refused")
			}
			next.End()
		}
		if time.Since(start) > 0 || all.queued != 0 {
			t.Errorf("they waited for %v, and %d still wait", time.Since(start), all.queued)
		}
	})
}
