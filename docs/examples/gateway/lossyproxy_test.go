package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// A lossyProxy relays TCP connections from the gateway to the issuer. On
// request it lets a gRPC request through, but closes the connection instead of
// relaying the response.
type lossyProxy struct {
	address string // of the proxy
	issuer  string // the address that it relays to

	mu      sync.Mutex
	armed   bool // the next response will be dropped
	dropped int  // responses so far
}

// newLossyProxy starts a proxy that stops with the test.
func newLossyProxy(t *testing.T, issuer string) *lossyProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &lossyProxy{address: l.Addr().String(), issuer: issuer}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.relay(c)
		}
	}()
	return p
}

// dropNext makes the proxy drop the next response.
func (p *lossyProxy) dropNext() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = true
}

// droppedCount returns how many responses the proxy has dropped.
func (p *lossyProxy) droppedCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// shouldDrop reports whether to drop the response that starts now, and counts
// it.
func (p *lossyProxy) shouldDrop() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.armed {
		return false
	}
	p.armed = false
	p.dropped++
	return true
}

// relay connects one connection of the gateway with the issuer.
func (p *lossyProxy) relay(gateway net.Conn) {
	defer gateway.Close()
	issuer, err := net.Dial("tcp", p.issuer)
	if err != nil {
		return
	}
	defer issuer.Close()
	go func() {
		_, _ = io.Copy(issuer, gateway)
		_ = issuer.Close()
	}()
	_ = p.relayResponses(gateway, issuer) // Any error ends the connection.
}

var errDropped = errors.New("response dropped")

// relayResponses copies HTTP/2 frames from the issuer to the gateway. It stops
// before the first frame of a response that it must drop. A response starts
// with a HEADERS frame (RFC 9113 §6.2).
func (p *lossyProxy) relayResponses(gateway io.Writer, issuer io.Reader) error {
	const (
		headersFrame = 1 // the type of a HEADERS frame
		headerSize   = 9 // the size of a frame header (RFC 9113 §4.1)
	)
	for {
		header := make([]byte, headerSize)
		if _, err := io.ReadFull(issuer, header); err != nil {
			return err
		}
		if header[3] == headersFrame && p.shouldDrop() {
			return errDropped
		}

		payloadSize := binary.BigEndian.Uint32(append([]byte{0}, header[:3]...))
		if _, err := gateway.Write(header); err != nil {
			return err
		}
		if _, err := io.CopyN(gateway, issuer, int64(payloadSize)); err != nil {
			return err
		}
	}
}
