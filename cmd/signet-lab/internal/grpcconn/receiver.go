package grpcconn

import (
	"bufio"
	"errors"
	"io"
	"net/url"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
)

// A receiver handles the frames that a transport receives.
type receiver struct {
	*transport
	decoder *hpack.Decoder
	current *stream // the stream of the frame that is handled
	// unacknowledged is the number of bytes received since the last window
	// update for the connection.
	unacknowledged int
}

// receive handles frames until the connection ends. Then all calls end.
func (t *transport) receive() {
	r := &receiver{transport: t}
	r.decoder = hpack.NewDecoder(4096, r.header)
	frames := http2.NewFramer(io.Discard, bufio.NewReaderSize(t.conn, 64<<10))
	frames.SetReuseFrames()

	for {
		frame, err := frames.ReadFrame()
		if err != nil {
			t.fail(err)
			return
		}

		t.mu.Lock()
		err = r.handle(frame)
		reply := t.out.pending.Len() > 0
		t.mu.Unlock()
		if err != nil {
			t.fail(err)
			return
		}
		if reply && frame.Header().StreamID == 0 {
			t.flush()
		}
	}
}

// header stores a header or trailer of the response of the current stream.
func (r *receiver) header(f hpack.HeaderField) {
	switch f.Name {
	case "grpc-status":
		code, _ := strconv.ParseUint(f.Value, 10, 32)
		r.current.code = codes.Code(code)
	case "grpc-message":
		r.current.message, _ = url.PathUnescape(f.Value)
	}
}

// handle handles one frame. The caller holds the transport's mutex.
func (r *receiver) handle(frame http2.Frame) (err error) {
	id, ended := frame.Header().StreamID, false
	if r.current = r.streams[id]; r.current == nil {
		r.current = &stream{done: make(chan struct{})} // no caller reads it
	}

	switch f := frame.(type) {
	case *http2.HeadersFrame:
		if _, err = r.decoder.Write(f.HeaderBlockFragment()); err == nil {
			err = r.decoder.Close()
		}
		if ended = f.StreamEnded(); !f.HeadersEnded() {
			err = errors.New("response headers span several frames")
		}
	case *http2.DataFrame:
		ended = f.StreamEnded()
		r.current.body = append(r.current.body, f.Data()...)
		if r.unacknowledged += int(f.Length); r.unacknowledged > connWindow/2 {
			err, r.unacknowledged = r.out.WriteWindowUpdate(0, uint32(r.unacknowledged)), 0
		}
	case *http2.RSTStreamFrame:
		ended = true
		r.current.code, r.current.message = codes.Unavailable, "server reset the stream: "+f.ErrCode.String()
	default:
		err = r.control(frame)
	}

	if ended {
		delete(r.streams, id)
		close(r.current.done)
	}
	return err
}

// control handles a frame that concerns the connection, not one call. The
// caller holds the transport's mutex.
func (r *receiver) control(frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			r.sendWindow += int(f.Increment)
			r.sendable.Broadcast()
		}
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return r.out.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return r.out.WritePing(true, f.Data)
		}
	case *http2.GoAwayFrame:
		r.draining = true
	}
	return nil
}
