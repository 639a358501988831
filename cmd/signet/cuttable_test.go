package main

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// A cuttable forwards connections to a database, except while it is cut.
type cuttable struct {
	net.Listener
	mu     sync.Mutex
	broken bool
	open   []net.Conn
}

func newCuttable(t *testing.T, database *pgconn.Config) *cuttable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	c := &cuttable{Listener: l}
	network, to := pgconn.NetworkAddress(database.Host, database.Port)
	go func() {
		for {
			caller, err := l.Accept()
			if err != nil {
				return
			}
			callee, err := net.Dial(network, to)
			if err != nil || !c.add(caller, callee) {
				_ = caller.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{caller, callee}, {callee, caller}} {
				go func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				}()
			}
		}
	}()
	t.Cleanup(func() { _ = l.Close(); c.cut() })
	return c
}

// add adds a connection, unless it is cut.
func (c *cuttable) add(ends ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.broken {
		c.open = append(c.open, ends...)
	}
	return !c.broken
}

// cut closes all connections and accepts no new ones.
func (c *cuttable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	for _, end := range c.open {
		_ = end.Close()
	}
	c.open = nil
}

// mend accepts connections again.
func (c *cuttable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = false
}
