package connlimit

import (
	"net/netip"
	"sync"
)

// A Counter counts what the peers of a server have open, such as connections,
// within Limits.
type Counter struct {
	limits Limits

	mu    sync.Mutex
	stats Stats
	// byAddress is the number of counted places by blockOf their address.
	byAddress map[netip.Addr]int
}

// NewCounter returns a Counter that has counted nothing.
func NewCounter(limits Limits) *Counter {
	return &Counter{limits: limits, stats: Stats{Max: limits.Max}, byAddress: make(map[netip.Addr]int)}
}

// Stats returns the numbers of the counter.
func (c *Counter) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Add counts one more for the address of a peer. It returns nil if that is
// above the limits. Otherwise the caller must call Release later.
func (c *Counter) Add(address netip.Addr) *Place {
	counted, block := c.limits.counted(address), netip.Addr{}
	if counted {
		block = blockOf(address)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stats.Open >= c.limits.Max {
		c.stats.RefusedByListener++
		return nil
	}
	if counted {
		if c.byAddress[block] >= c.limits.PerAddress {
			c.stats.RefusedByAddress++
			return nil
		}
		c.byAddress[block]++
	}
	c.stats.Open++
	return &Place{counter: c, block: block, counted: counted}
}

// A Place is one that a Counter has counted.
type Place struct {
	counter *Counter
	// block is the key of the place in Counter.byAddress.
	block netip.Addr

	// The mutex of the counter guards the fields below.
	counted  bool // in Counter.byAddress
	released bool
}

// Release releases the place. Further calls do nothing.
func (p *Place) Release() {
	p.counter.mu.Lock()
	defer p.counter.mu.Unlock()
	if p.released {
		return
	}
	p.released = true
	p.counter.stats.Open--
	p.uncount()
}

// exempt removes the place from the count of its address.
func (p *Place) exempt() {
	p.counter.mu.Lock()
	defer p.counter.mu.Unlock()
	p.uncount()
}

// uncount is exempt for a caller that holds the mutex of the counter.
func (p *Place) uncount() {
	if !p.counted {
		return
	}
	p.counted = false
	if p.counter.byAddress[p.block]--; p.counter.byAddress[p.block] == 0 {
		delete(p.counter.byAddress, p.block)
	}
}
