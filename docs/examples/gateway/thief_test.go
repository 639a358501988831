package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// A thief stands between the gateway and the issuer. When it is told to, it lets a question through and breaks the connection
// off instead of handing the answer back.
type thief struct {
	address string
	issuer  string

	mu    sync.Mutex
	armed bool
	count int
}

func newThief(t *testing.T, issuer string) *thief {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &thief{address: l.Addr().String(), issuer: issuer}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.relay(c)
		}
	}()
	return s
}

func (s *thief) stealNext() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = true
}

func (s *thief) stolen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// steals says whether the answer that begins now is to be stolen.
func (s *thief) steals() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed {
		return false
	}
	s.armed = false
	s.count++
	return true
}

func (s *thief) relay(gateway net.Conn) {
	defer gateway.Close()
	issuer, err := net.Dial("tcp", s.issuer)
	if err != nil {
		return
	}
	defer issuer.Close()
	go func() {
		_, _ = io.Copy(issuer, gateway)
		_ = issuer.Close()
	}()
	_ = s.answers(gateway, issuer) // an error is the end of the connection
}

var errStolen = errors.New("stolen")

// answers hands the issuer's HTTP/2 frames on, until one begins an answer (HEADERS, RFC 9113 §6.2) that is to be stolen.
func (s *thief) answers(gateway io.Writer, issuer io.Reader) error {
	const headers, length = 1, 9
	for {
		frame := make([]byte, length)
		if _, err := io.ReadFull(issuer, frame); err != nil {
			return err
		}
		if frame[3] == headers && s.steals() {
			return errStolen
		}
		rest := binary.BigEndian.Uint32(append([]byte{0}, frame[:3]...))
		if _, err := gateway.Write(frame); err != nil {
			return err
		}
		if _, err := io.CopyN(gateway, issuer, int64(rest)); err != nil {
			return err
		}
	}
}
