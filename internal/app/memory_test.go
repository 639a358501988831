package app

import (
	"runtime"
	"testing"
)

// A small heap is collected seldom, and a large one does not grow to several
// times its size.
func TestGCPercentFor(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 800, 4 << 20: 800, 8 << 20: 800, 20 << 20: 300, 50 << 20: 100, 100 << 20: 50, 1 << 30: 50,
	} {
		if got := gcPercentFor(live); got != want {
			t.Errorf("%d MiB: %d %%, want %d", live>>20, got, want)
		}
	}
}

// The function runs after each of several collections.
func TestAfterCollections(t *testing.T) {
	ran := make(chan struct{}, 1)
	afterCollections(t.Context(), func() {
		select {
		case ran <- struct{}{}:
		default: // another collection has run before
		}
	})
	for n := 0; n < 3; {
		runtime.GC()
		select {
		case <-ran:
			n++
		default: // the runtime has not called it yet
		}
	}
}
