package web_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signetd/signet/internal/web"
)

// BenchmarkGateway compares the check of a request over HTTP with a handler
// that does nothing, on the same server and with the same request. cpu-ns/op
// has the CPU time of both ends. The client only writes and reads bytes.
func BenchmarkGateway(b *testing.B) {
	g := newGateway(b)
	bare := httptest.NewUnstartedServer(nil)
	bare.Config = web.NewGatewayServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), 100,
		slog.New(slog.DiscardHandler))
	bare.Start()
	b.Cleanup(bare.Close)
	for _, c := range []struct{ name, address string }{{"check", g.address}, {"bare", bare.Listener.Addr().String()}} {
		b.Run(c.name, func(b *testing.B) { benchmarkRequests(b, c.address, about("", "Cookie", "a=1; "+g.cookie)) })
	}
}

// benchmarkRequests sends one request after another on one connection.
func benchmarkRequests(b *testing.B, address string, q question) {
	c, err := net.Dial("tcp", address)
	mustPass(b, err)
	defer c.Close()
	text := "GET /forward-auth/- HTTP/1.1\r\n"
	for name, value := range q.header {
		text += name + ": " + value + "\r\n"
	}
	r := bufio.NewReader(c)
	used := cpuTime(b)
	b.ReportAllocs()
	for b.Loop() {
		_, err := io.WriteString(c, text+"\r\n")
		mustPass(b, err)
		status, err := r.ReadString('\n')
		mustPass(b, err)
		if !strings.HasPrefix(status, "HTTP/1.1 200") {
			b.Fatal(status)
		}
		for line := status; line != "\r\n"; {
			line, err = r.ReadString('\n')
			mustPass(b, err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-used)/float64(b.N), "cpu-ns/op")
}

// cpuTime returns the CPU time of the process.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	mustPass(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
