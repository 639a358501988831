package revocation

import (
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The remembered hash is always that of the kind and the text, also if there
// are more texts than slots.
func TestNames_EqualHash(t *testing.T) {
	var (
		n       names
		readers sync.WaitGroup
	)
	for range 3 {
		readers.Go(func() {
			for i := range 5000 {
				text := strconv.Itoa(i % 2000)
				for _, k := range []Kind{Key, Client, Audience, All} {
					if got, want := n.hash(k, text), k.Hash(text); got != want {
						t.Errorf("kind %d, %q: hash %x, want %x", k, text, got, want)
					}
				}
			}
		})
	}
	readers.Wait()

	long := strings.Repeat("a", 1000)
	for range 2 {
		if got, want := n.hash(Client, long), Client.Hash(long); got != want {
			t.Errorf("long text: hash %x, want %x", got, want)
		}
	}
}

// A token costs no memory after the first one, however many texts there were.
func TestRefuses_DoesNotAllocate(t *testing.T) {
	var table Table
	table.Merge([]Entry{{1, 1}})
	c := token()
	for i := range 3000 {
		c.ClientID = strconv.Itoa(i)
		table.Refuses(c)
	}
	if n := testing.AllocsPerRun(100, func() { table.Refuses(c) }); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
