package app

import "testing"

// A small heap is collected seldom, and a large one does not grow to several
// times its size.
func TestGCPercentFor(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 800, 4 << 20: 800, 8 << 20: 800, 20 << 20: 300, 50 << 20: 100, 1 << 30: 100,
	} {
		if got := gcPercentFor(live); got != want {
			t.Errorf("%d MiB: %d %%, want %d", live>>20, got, want)
		}
	}
}
