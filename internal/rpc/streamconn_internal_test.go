package rpc

import (
	"bytes"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// The reader finds each frame, however the bytes are divided.
func TestFrameReader(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	frames := http2.NewFramer(&b, nil)
	for _, err := range []error{
		frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}),
		frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("abc"), EndStream: true}),
		frames.WriteData(1, true, make([]byte, 300)),
		frames.WriteRSTStream(3, http2.ErrCodeCancel),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	type frame struct {
		kind, flags byte
		stream      uint32
	}
	want := []frame{{4, 0, 0}, {headersFrame, endStreamFlag, 1}, {0, 1, 1}, {resetFrame, 0, 3}}
	for size := 1; size <= b.Len(); size++ {
		r := frameReader{skip: prefaceBytes}
		var got []frame
		for part := range slices.Chunk(b.Bytes(), size) {
			r.read(part, func(kind, flags byte, stream uint32) { got = append(got, frame{kind, flags, stream}) })
		}
		if !slices.Equal(got, want) {
			t.Fatalf("in parts of %d bytes: %v, want %v", size, got, want)
		}
	}
}

// Rule 76: the streams of a client that reads nothing from its connection are
// unread, although no response has begun.
func TestRule76_StuckConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &openStreams{max: 9, conns: make(map[*streamConn]bool)}
		connect := func() *streamConn {
			server, client := net.Pipe()
			t.Cleanup(func() { _ = client.Close() })
			return all.wrap(server).(*streamConn)
		}
		stuck, watches, gateway := connect(), connect(), connect()
		go func() { _, _ = stuck.Write(make([]byte, 9)) }()
		watches.begin(1)
		watches.respond(1) // such as that of a health stream
		for id := range uint32(4) {
			stuck.begin(2*id + 1)
			gateway.begin(2*id + 1)
		}
		time.Sleep(stuckAfter)
		if gateway.begin(9) != stuck {
			t.Error("one stream too many does not close the stuck connection")
		}
	})
}
