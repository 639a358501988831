package connlimit

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
)

// A Listener accepts connections within Limits. It closes a connection above
// them at once, so that the connection needs neither a descriptor nor memory.
type Listener struct {
	net.Listener
	limits Limits

	mu    sync.Mutex
	stats Stats
	// byAddress is the number of counted connections by blockOf their address.
	byAddress map[netip.Addr]int
}

// New returns a Listener that accepts the connections of l.
func New(l net.Listener, limits Limits) *Listener {
	return &Listener{
		Listener: l, limits: limits, stats: Stats{Max: limits.Max}, byAddress: make(map[netip.Addr]int),
	}
}

// Stats returns the numbers of the listener.
func (l *Listener) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Accept returns the next connection that is within the limits.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted := l.admit(c); admitted != nil {
			return admitted, nil
		}
		refuse(c)
	}
}

// admit counts a connection. It returns nil if the connection is above the
// limits.
func (l *Listener) admit(c net.Conn) net.Conn {
	tcp, _ := c.RemoteAddr().(*net.TCPAddr)
	address := tcp.AddrPort().Addr().Unmap() // the zero address for nil
	counted, block := l.limits.counted(address), netip.Addr{}
	if counted {
		block = blockOf(address)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stats.Open >= l.limits.Max {
		l.stats.RefusedByListener++
		return nil
	}
	if counted {
		if l.byAddress[block] >= l.limits.PerAddress {
			l.stats.RefusedByAddress++
			return nil
		}
		l.byAddress[block]++
	}
	l.stats.Open++
	return &conn{Conn: c, listener: l, block: block, counted: counted}
}

// refuse closes a connection with a reset, which leaves no socket behind.
func refuse(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// A conn is a connection that its listener counts.
type conn struct {
	net.Conn
	listener *Listener
	// block is the key of the connection in Listener.byAddress.
	block netip.Addr

	// The mutex of the listener guards the fields below.
	counted bool // in Listener.byAddress
	closed  bool
}

// Close closes the connection and releases its place.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	if !c.closed {
		c.closed = true
		c.listener.stats.Open--
		c.uncount()
	}
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// uncount removes the connection from the count of its address. The caller
// holds the mutex of the listener.
func (c *conn) uncount() {
	if !c.counted {
		return
	}
	c.counted = false
	if c.listener.byAddress[c.block]--; c.listener.byAddress[c.block] == 0 {
		delete(c.listener.byAddress, c.block)
	}
}

// Exempt removes a connection from the count of its address, for a caller that
// has shown a valid certificate. The connection may be a tls.Conn. A connection
// of another listener is left as it is.
func Exempt(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if c, ok := c.(*conn); ok {
		c.listener.mu.Lock()
		defer c.listener.mu.Unlock()
		c.uncount()
	}
}
