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

// A reader is a connection with HTTP/2 whose caller reads headers and no
// bodies.
type reader struct {
	t      *testing.T
	frames *http2.Framer
	next   uint32 // the id of the next stream
	// reset has the streams that the server has reset.
	reset map[uint32]bool
}

// newReader connects to the fixture.
func (f *fixture) newReader(t *testing.T) *reader {
	t.Helper()
	authority := certtest.NewAuthority(t)
	address := strings.TrimPrefix(f.serveTLS(t, authority), "https://")
	c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: authority.Pool(), NextProtos: []string{"h2"}})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, http2.ClientPreface)
	must(t, err)
	r := &reader{t: t, frames: http2.NewFramer(c, c), next: 1, reset: map[uint32]bool{}}
	r.frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	must(t, r.frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	return r
}

// get begins a request and returns its stream.
func (r *reader) get(path string) (stream uint32) {
	r.t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, h := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", path}, {":authority", "x"}} {
		must(r.t, encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}))
	}
	stream, r.next = r.next, r.next+2
	must(r.t, r.frames.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true,
	}))
	return stream
}

// status reads until the response of a stream begins and returns its status.
func (r *reader) status(stream uint32) string {
	r.t.Helper()
	for {
		frame, err := r.frames.ReadFrame()
		must(r.t, err)
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			r.reset[frame.StreamID] = true
		case *http2.MetaHeadersFrame:
			if frame.StreamID == stream {
				return frame.PseudoValue("status")
			}
		}
	}
}

// revokeMany writes so many entries that answers with all of them are long, and
// waits until the feed has them.
func (f *fixture) revokeMany(t *testing.T) {
	t.Helper()
	ids := make([]string, longResponse/16)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	f.revoke(t, ids...)
	for f.Feed.Stats().Entries < len(ids) {
		must(t, f.Feed.Refresh(t.Context()))
	}
}

// Rule 76: callers that do not read long answers of the feed keep no others
// from it for more than a second: then a new answer displaces the oldest one.
func TestRule76_UnreadAnswersOfTheFeed(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a second until an answer may be displaced")
	}
	f := newFixture(t)
	f.revokeMany(t)
	r := f.newReader(t)
	var streams []uint32
	for i := range maxLongResponses {
		stream := r.get([]string{"/revocations", "/revocations?after=0-0"}[i%2])
		if got := r.status(stream); got != "200" {
			t.Fatalf("answer %d: status %s", i, got)
		}
		streams = append(streams, stream)
	}

	if p := f.poll(t, "", nil); !p.has("0") {
		t.Errorf("another caller got %d entries", len(p.entries))
	}
	if got := r.status(r.get("/livez")); got != "200" || !r.reset[streams[0]] || len(r.reset) != 1 {
		t.Errorf("the server has reset %v, want %d", r.reset, streams[0])
	}
}

// Rule 76: polls that wait on one connection with HTTP/2 leave requests alone.
// Half of those that may wait are for other addresses.
func TestRule76_PollsOfAStranger(t *testing.T) {
	requests := connlimit.NewRequests(400)
	f := newBoundedFixture(t, requests)
	at := f.poll(t, "", nil).position()
	r := f.newReader(t)
	for range 150 { // more than may wait
		r.get("/revocations?wait=10s&after=" + at)
	}
	f.waiting(t, maxWaiting/2)
	f.send(t, http.MethodPost, "/oauth2/token", f.basic("web"), "grant_type=client_credentials").
		want(t, "a request beside them", http.StatusOK, "")
	p := f.poll(t, "?wait=9s&after="+at, nil) // from the same address
	if p.HeldMS >= 5000 || p.DelayMS < 5000 || p.DelayMS > 9000 {
		t.Errorf("a poll beside them was held %d ms and has the delay %d ms", p.HeldMS, p.DelayMS)
	}

	client := &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}).DialContext,
	}}
	defer client.CloseIdleConnections()
	ended := make(chan error)
	go func() {
		response, err := client.Get(f.url + "/revocations?wait=10s&after=" + at)
		if err == nil {
			err = response.Body.Close()
		}
		ended <- err
	}()
	f.waiting(t, maxWaiting/2+1)
	f.Feed.Drain()
	must(t, <-ended)
}
