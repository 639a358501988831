package rpc

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// Constants of HTTP/2 (RFC 9113 §3.4 and §6).
const (
	prefaceBytes   = 24
	headersFrame   = 0x1
	resetFrame     = 0x3 // RST_STREAM
	endStreamFlag  = 0x1 // of a HEADERS frame
	streamReserved = 1 << 31
)

// stuckAfter is the time after which a write to a connection is stuck: its
// client reads nothing.
const stuckAfter = time.Second

// openStreams bounds the HTTP/2 streams that are open on all connections. A
// stream stays open after its handler has returned, until the client has read
// the response. A client that reads nothing can so have memory of many calls
// that have ended.
type openStreams struct {
	max int

	mu    sync.Mutex
	total int
	// conns are the connections with open streams.
	conns map[*streamConn]bool
}

// A streamConn is a connection whose open streams are counted. It reads the
// headers of the frames that it transports, after decryption.
type streamConn struct {
	net.Conn
	all     *openStreams
	in, out frameReader

	// The mutex of all guards the fields below.
	open   map[uint32]bool // the value is true after the response has begun
	began  int             // open streams whose response has begun
	last   uint32          // the id of the last stream that the client has begun
	closed bool
	// writing is when the write in progress began, or zero.
	writing time.Time
}

// wrap returns a connection whose streams are counted, until it is closed.
func (o *openStreams) wrap(c net.Conn) net.Conn {
	s := &streamConn{Conn: c, all: o, open: make(map[uint32]bool)}
	s.in.skip = prefaceBytes
	return s
}

// Read reads from the client, and counts the streams that it begins and resets.
func (c *streamConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	var excess net.Conn
	c.in.read(b[:n], func(kind, _ byte, stream uint32) {
		switch kind {
		case headersFrame:
			if most := c.begin(stream); most != nil {
				excess = most
			}
		case resetFrame:
			c.end(stream)
		}
	})
	if excess != nil {
		_ = excess.Close()
	}
	return n, err
}

// Write writes to the client, and counts the streams that end, and those whose
// response begins.
func (c *streamConn) Write(b []byte) (int, error) {
	c.setWriting(time.Now())
	n, err := c.Conn.Write(b)
	c.setWriting(time.Time{})
	c.out.read(b[:n], func(kind, flags byte, stream uint32) {
		switch {
		case kind == resetFrame, kind == headersFrame && flags&endStreamFlag != 0:
			c.end(stream)
		case kind == headersFrame:
			c.respond(stream)
		}
	})
	return n, err
}

func (c *streamConn) setWriting(since time.Time) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.writing = since
}

// unread returns how many responses the client has not read: those that have
// begun, or all if a write is stuck. The caller holds the mutex.
func (c *streamConn) unread(now time.Time) int {
	if !c.writing.IsZero() && now.Sub(c.writing) >= stuckAfter {
		return len(c.open)
	}
	return c.began
}

// Close closes the connection, and so ends its streams.
func (c *streamConn) Close() error {
	c.all.mu.Lock()
	if !c.closed {
		c.closed = true
		c.all.total -= len(c.open)
		delete(c.all.conns, c)
	}
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// begin counts a stream. If there are too many, it returns the connection with
// the most unread responses, which the caller must close. A connection with
// many calls in progress may be that of a gateway. Requests bounds these calls.
func (c *streamConn) begin(id uint32) net.Conn {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.closed || id <= c.last { // the second is the trailer of a stream
		return nil
	}
	c.last = id
	c.all.conns[c] = true
	c.open[id] = false
	c.all.total++
	if c.all.total <= c.all.max {
		return nil
	}
	now, most := time.Now(), c
	for other := range c.all.conns {
		if other.unread(now) > most.unread(now) {
			most = other
		}
	}
	return most
}

// respond counts a stream whose response begins.
func (c *streamConn) respond(id uint32) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if began, open := c.open[id]; open && !began {
		c.open[id] = true
		c.began++
	}
}

// end counts the end of a stream.
func (c *streamConn) end(id uint32) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if began, open := c.open[id]; open && !c.closed {
		delete(c.open, id)
		c.all.total--
		if began {
			c.began--
		}
	}
	if len(c.open) == 0 {
		delete(c.all.conns, c)
	}
}

// A frameReader finds the frame headers in one direction of a connection
// (RFC 9113 §4.1).
type frameReader struct {
	header [9]byte
	have   int // bytes of header
	skip   int // bytes until the next header
}

// read calls found with each frame header that ends in b.
func (r *frameReader) read(b []byte, found func(kind, flags byte, stream uint32)) {
	for len(b) > 0 {
		if r.skip > 0 {
			n := min(r.skip, len(b))
			r.skip, b = r.skip-n, b[n:]
			continue
		}
		n := copy(r.header[r.have:], b)
		r.have, b = r.have+n, b[n:]
		if r.have < len(r.header) {
			return
		}
		r.have = 0
		r.skip = int(r.header[0])<<16 | int(r.header[1])<<8 | int(r.header[2])
		found(r.header[3], r.header[4], binary.BigEndian.Uint32(r.header[5:])&^streamReserved)
	}
}
