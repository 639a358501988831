package connlimit

import (
	"crypto/tls"
	"net"
	"net/netip"
	"testing"
)

// newListener returns a Listener on a loopback address.
func newListener(t *testing.T, limits Limits) *Listener {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := New(raw, limits)
	t.Cleanup(func() { l.Close() })
	return l
}

// dial connects to the listener from a loopback address.
func dial(t *testing.T, l *Listener, from string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// accept dials from an address and returns the accepted connection.
func accept(t *testing.T, l *Listener, from string) net.Conn {
	t.Helper()
	dial(t, l, from)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if got := addressOf(c).String(); got != from {
		t.Fatalf("accepted a connection from %s, want %s", got, from)
	}
	return c
}

func addressOf(c net.Conn) netip.Addr { return c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap() }

// refused dials from an address. The listener must refuse the connection before
// it accepts one from another address.
func refused(t *testing.T, l *Listener, from, other string) net.Conn {
	t.Helper()
	c := dial(t, l, from)
	next := accept(t, l, other)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("a connection from %s is open", from)
	}
	return next
}

// Rule 76: the listener refuses connections above the bound of an address, and
// accepts those of other addresses. After a connection has closed, it accepts
// another one.
func TestRule76_BoundsConnectionsByAddress(t *testing.T) {
	l := newListener(t, Limits{Max: 10, PerAddress: 2})
	first := accept(t, l, "127.0.0.1")
	accept(t, l, "127.0.0.1")
	refused(t, l, "127.0.0.1", "127.0.0.2")
	if got, want := l.Stats(), (Stats{Max: 10, Open: 3, RefusedByAddress: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}

	first.Close()
	first.Close() // counts once
	accept(t, l, "127.0.0.1")
	refused(t, l, "127.0.0.1", "127.0.0.2")
}

// Rule 76: the listener refuses connections above its bound, also from exempt
// addresses.
func TestRule76_BoundsConnectionsInAll(t *testing.T) {
	l := newListener(t, Limits{Max: 3, PerAddress: 2, ExemptAddress: func(netip.Addr) bool { return true }})
	for range 2 {
		accept(t, l, "127.0.0.1")
	}
	last := accept(t, l, "127.0.0.2")
	over := dial(t, l, "127.0.0.3")
	accepted := make(chan net.Conn)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	if _, err := over.Read(make([]byte, 1)); err == nil {
		t.Error("a connection above the bound is open")
	}
	if got, want := l.Stats(), (Stats{Max: 3, Open: 3, RefusedByListener: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}

	last.Close()
	dial(t, l, "127.0.0.4")
	if c := <-accepted; c == nil || addressOf(c) != netip.MustParseAddr("127.0.0.4") {
		t.Errorf("accepted %v after a connection was closed", c)
	}
}

// Neither exempt addresses nor connections with a valid certificate count by
// address.
func TestListener_ExemptConnectionsDoNotCountByAddress(t *testing.T) {
	proxy := netip.MustParseAddr("127.0.0.9")
	l := newListener(t, Limits{Max: 100, PerAddress: 1, ExemptAddress: func(a netip.Addr) bool { return a == proxy }})
	for range 5 {
		accept(t, l, "127.0.0.9")
	}
	for range 5 {
		c := accept(t, l, "127.0.0.1")
		Exempt(tls.Server(c, &tls.Config{}))
		Exempt(c) // counts once
	}
	last := accept(t, l, "127.0.0.1")
	refused(t, l, "127.0.0.1", "127.0.0.9")
	last.Close()
	accept(t, l, "127.0.0.1")
	Exempt(dial(t, l, "127.0.0.1")) // a connection without a listener
}

// Addresses of one IPv6 /64 are one block, and an IPv4 address is one however
// it is written.
func TestBlockOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2::1":      "2001:db8:1:2::",
		"2001:db8:1:2:ffff::9": "2001:db8:1:2::",
		"2001:db8:1:3::1":      "2001:db8:1:3::",
		"fe80::1%eth0":         "fe80::",
	} {
		if got := blockOf(netip.MustParseAddr(address)); got.String() != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
