package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// serveNaively serves a server that ignores Transfer-Encoding, until the test
// ends. It returns its address.
func serveNaively(t *testing.T, log *servedLog) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var group sync.WaitGroup
	var open sync.Map
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(conn, nil)
			group.Go(func() {
				defer conn.Close()
				answerNaively(conn, log)
			})
		}
	})
	t.Cleanup(func() {
		must(t, l.Close())
		open.Range(func(conn, _ any) bool {
			_ = conn.(net.Conn).Close()
			return true
		})
		group.Wait()
	})
	return l.Addr().String()
}

// answerNaively answers the requests on a connection. Between them it skips
// lines that are not the first line of a request, such as the size of a chunk.
func answerNaively(conn net.Conn, log *servedLog) {
	r := textproto.NewReader(bufio.NewReader(conn))
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		if !strings.HasSuffix(line, " HTTP/1.1") {
			continue
		}
		header, err := r.ReadMIMEHeader()
		if err != nil {
			return
		}
		length, _ := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
		if _, err := io.CopyN(io.Discard, r.R, length); err != nil {
			return
		}
		log.add(http.Header(header))
		if header.Get("Transfer-Encoding") != "" {
			_, _ = r.R.Peek(1) // nginx sends no body if the answer comes first
		}
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Id: %s\r\n\r\n", header.Get("X-Id"))
	}
}
