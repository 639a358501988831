package strangers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// dialers is how many connections are opened at the same time.
const dialers = 64

// strangers open connections to an issuer and count them.
type strangers struct {
	// addresses is the number of their addresses, from 127.0.0.3.
	addresses int

	// open is the number of connections that the issuer has not closed.
	connections, calls, open atomic.Int64

	conns sync.WaitGroup
}

// An attack opens connections to an address, evenly distributed over a time.
type attack struct {
	connections int
	// calls is how many calls greet begins.
	calls int
	over  time.Duration
	to    string
	// greet writes what the stranger sends on a connection.
	greet func(io.Writer) error
}

// attack carries out an attack. On each connection it reads until the issuer or
// ctx closes the connection. It returns when all connections have been tried.
func (s *strangers) attack(ctx context.Context, a attack) {
	begin := time.Now()
	var all sync.WaitGroup
	next := make(chan int)
	for range dialers {
		all.Go(func() {
			for i := range next {
				s.connect(ctx, fmt.Sprintf("127.0.0.%d", 3+i%s.addresses), a)
			}
		})
	}
	for i := 0; i < a.connections && ctx.Err() == nil; i++ {
		select {
		case <-time.After(time.Until(begin.Add(a.over * time.Duration(i) / time.Duration(a.connections)))):
		case <-ctx.Done():
		}
		next <- i
	}
	close(next)
	all.Wait()
}

// connect opens one connection.
func (s *strangers) connect(ctx context.Context, from string, a attack) {
	s.connections.Add(1)
	s.calls.Add(int64(a.calls))
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(ctx, "tcp", a.to)
	if err != nil {
		return // the issuer has reset the connection
	}
	s.open.Add(1)
	closed := context.AfterFunc(ctx, func() { _ = c.Close() })
	s.conns.Go(func() {
		_, _ = io.Copy(io.Discard, c)
		if closed() { // the issuer has closed the connection
			s.open.Add(-1)
			_ = c.Close()
		}
	})
	_ = a.greet(c) // the issuer may have closed the connection
}

// beginCalls sends the headers of n logins, and no message.
func beginCalls(n int) func(io.Writer) error {
	return func(w io.Writer) error {
		var out, block bytes.Buffer
		out.WriteString(http2.ClientPreface)
		frames, encoder := http2.NewFramer(&out, nil), hpack.NewEncoder(&block)
		_ = frames.WriteSettings() // a buffer returns no error
		for i := range n {
			block.Reset()
			for _, f := range []hpack.HeaderField{
				{Name: ":method", Value: "POST"},
				{Name: ":scheme", Value: "http"},
				{Name: ":path", Value: signetv1.TokenService_Login_FullMethodName},
				{Name: ":authority", Value: "localhost"},
				{Name: "content-type", Value: "application/grpc"},
				{Name: "te", Value: "trailers"},
				{Name: "grpc-timeout", Value: "1H"},
			} {
				_ = encoder.WriteField(f)
			}
			_ = frames.WriteHeaders(http2.HeadersFrameParam{
				StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndHeaders: true,
			})
		}
		_, err := w.Write(out.Bytes())
		return err
	}
}

// greetIdle sends the preface of HTTP/2, and nothing after it.
func greetIdle(w io.Writer) error {
	_, err := io.WriteString(w, http2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	return err
}

// greetHTTP sends a part of a request.
func greetHTTP(w io.Writer) error {
	_, err := io.WriteString(w, "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\n\r\n")
	return err
}
