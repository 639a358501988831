package connlimit

import (
	"crypto/tls"
	"net"
)

// A Listener accepts connections within Limits. It closes a connection above
// them at once, so that the connection needs neither a descriptor nor memory.
type Listener struct {
	net.Listener
	counter *Counter
}

// New returns a Listener that accepts the connections of l.
func New(l net.Listener, limits Limits) *Listener { return &Listener{l, NewCounter(limits)} }

// Stats returns the numbers of the listener's connections.
func (l *Listener) Stats() Stats { return l.counter.Stats() }

// Accept returns the next connection that is within the limits.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, _ := c.RemoteAddr().(*net.TCPAddr)
		// The address is the zero address if the peer has none.
		if place := l.counter.Add(tcp.AddrPort().Addr().Unmap()); place != nil {
			return &conn{c, place}, nil
		}
		refuse(c)
	}
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
	place *Place
}

// Close closes the connection and releases its place.
func (c *conn) Close() error {
	c.place.Release()
	return c.Conn.Close()
}

// Exempt removes a connection from the count of its address, for a caller that
// has shown a valid certificate. The connection may be a tls.Conn. A connection
// of another listener is left as it is.
func Exempt(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if c, ok := c.(*conn); ok {
		c.place.exempt()
	}
}
