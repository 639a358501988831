package web

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/signetd/signet/internal/certtest"
	"github.com/signetd/signet/internal/connlimit"
)

// newBoundedFixture returns a fixture whose server has these requests.
func newBoundedFixture(t *testing.T, requests *connlimit.Requests) *fixture {
	t.Helper()
	f := newFixture(t)
	o := f.options(issuerID)
	o.Requests = requests
	f.start(t, o)
	return f
}

// Rule 76: requests whose bodies do not arrive displace each other, and no
// other request.
func TestRule76_RequestsWithoutBodyAreBounded(t *testing.T) {
	requests := connlimit.NewRequests(8)
	f := newBoundedFixture(t, requests)
	const begun, mayWait = 20, 8
	var conns []net.Conn
	for range begun {
		c, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
		must(t, err)
		defer c.Close()
		_, err = fmt.Fprint(c, "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"+
			"Content-Type: application/x-www-form-urlencoded\r\n\r\n")
		must(t, err)
		conns = append(conns, c)
	}
	answered := make(chan string)
	for _, c := range conns {
		go func() {
			line := make([]byte, 12)
			_, _ = c.Read(line) // the test closes the connections that wait
			answered <- string(line)
		}()
	}
	for range begun - mayWait {
		if got := <-answered; got != "HTTP/1.1 503" {
			t.Fatalf("a request without body got %q", got)
		}
	}

	f.send(t, http.MethodPost, "/oauth2/token", f.basic("web"), "grant_type=client_credentials").
		want(t, "a request beside them", http.StatusOK, "")
	if got := requests.Stats(); got.Waiting > mayWait || got.Open > mayWait || got.Displaced < begun-mayWait {
		t.Errorf("%+v", got)
	}
	for _, c := range conns {
		c.Close()
	}
	for range mayWait {
		<-answered
	}
}

// Rule 76: responses that a caller does not read displace each other, and no
// other request.
func TestRule76_UnreadResponsesAreBounded(t *testing.T) {
	requests := connlimit.NewRequests(8)
	f := newBoundedFixture(t, requests)
	authority := certtest.NewAuthority(t)
	address := strings.TrimPrefix(f.serveTLS(t, authority), "https://")
	c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: authority.Pool(), NextProtos: []string{"h2"}})
	must(t, err)
	defer c.Close()
	_, err = io.WriteString(c, http2.ClientPreface)
	must(t, err)
	frames := http2.NewFramer(c, c)
	must(t, frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	const begun, mayWait = 30, 8
	for i := range begun {
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for _, h := range [][2]string{
			{":method", "GET"}, {":scheme", "https"}, {":path", "/.well-known/jwks.json"}, {":authority", "x"},
		} {
			must(t, encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}))
		}
		must(t, frames.WriteHeaders(http2.HeadersFrameParam{
			StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true,
		}))
	}
	for reset := 0; reset < begun-mayWait; {
		frame, err := frames.ReadFrame()
		must(t, err)
		if frame.Header().Type == http2.FrameRSTStream {
			reset++
		}
	}

	f.send(t, http.MethodPost, "/oauth2/token", f.basic("web"), "grant_type=client_credentials").
		want(t, "a request beside them", http.StatusOK, "")
	if got := requests.Stats(); got.Open > mayWait || got.Displaced < begun-mayWait || got.Refused > 0 {
		t.Errorf("%+v", got)
	}
}

// A server that has too many requests in progress refuses another one with a
// delay.
func TestTooManyRequestsAreUnavailable(t *testing.T) {
	requests := connlimit.NewRequests(1)
	f := newBoundedFixture(t, requests)
	other := requests.Begin(func() {})
	other.Arrived()
	r := f.send(t, http.MethodPost, "/oauth2/token", f.basic("web"), "grant_type=client_credentials")
	r.want(t, "one request more", http.StatusServiceUnavailable, "temporarily_unavailable")
	if got := r.Header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After is %q", got)
	}
	other.End()
	f.send(t, http.MethodPost, "/oauth2/token", f.basic("web"), "grant_type=client_credentials").
		want(t, "after the other has ended", http.StatusOK, "")
	if got := requests.Stats(); got.Open != 0 {
		t.Errorf("%d requests are counted after the last one has ended", got.Open)
	}
}
