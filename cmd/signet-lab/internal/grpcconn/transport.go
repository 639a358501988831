package grpcconn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"runtime"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
)

const (
	// streamWindow and connWindow are the bytes that the server may send
	// for one call, and for all calls before the next window update.
	streamWindow = 1 << 20
	connWindow   = 1 << 30
	// initialSendWindow is the number of bytes that the client may send
	// before the server's first window update (RFC 9113 §6.9.2).
	initialSendWindow = 65535
	// prefixBytes is the size of the prefix of each gRPC message. It holds
	// the compressed flag and the length.
	prefixBytes = 5
	// maxRequestBytes limits a request to one frame (RFC 9113 §4.2).
	maxRequestBytes = 1<<14 - prefixBytes
)

// A stream is one call and its response.
type stream struct {
	done    chan struct{} // closed when the other fields are complete
	body    []byte        // the response, with its prefix
	code    codes.Code
	message string
}

// A frameBuffer encodes frames into memory.
type frameBuffer struct {
	*http2.Framer // writes into pending
	pending       bytes.Buffer
	encoder       *hpack.Encoder // writes into headerBlock
	headerBlock   bytes.Buffer
}

// A transport is one HTTP/2 connection.
type transport struct {
	conn    net.Conn
	address string

	mu         sync.Mutex // guards the fields below
	out        frameBuffer
	flushing   bool   // a goroutine writes to conn
	writing    []byte // what that goroutine writes
	nextStream uint32
	streams    map[uint32]*stream // calls that have no response yet
	sendWindow int                // bytes that the client may still send
	sendable   sync.Cond          // signals that sendWindow grew or err is set
	draining   bool               // the server accepts no more calls
	err        error              // why the connection ended
}

// newTransport starts HTTP/2 on conn and a goroutine that receives frames.
func newTransport(conn net.Conn, address string) (*transport, error) {
	t := &transport{
		conn: conn, address: address, nextStream: 1, streams: make(map[uint32]*stream), sendWindow: initialSendWindow,
	}
	t.sendable.L = &t.mu
	t.out.Framer, t.out.encoder = http2.NewFramer(&t.out.pending, nil), hpack.NewEncoder(&t.out.headerBlock)

	t.out.pending.WriteString(http2.ClientPreface)
	err := errors.Join(
		t.out.WriteSettings(
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow},
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		),
		t.out.WriteWindowUpdate(0, connWindow),
	)
	go t.receive()
	return t, err
}

func (t *transport) acceptsCalls() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.draining
}

// send sends a request. It first waits until the server's window has space for
// the request. The receiving goroutine closes s.done after the response.
func (t *transport) send(method, authorization string, message []byte, s *stream) error {
	t.mu.Lock()
	size := prefixBytes + len(message)
	for t.sendWindow < size && t.err == nil {
		t.sendable.Wait()
	}
	if t.err != nil {
		defer t.mu.Unlock()
		return t.err
	}

	t.sendWindow -= size
	id := t.nextStream
	t.nextStream += 2
	t.streams[id] = s

	t.encodeHeaders(method, authorization)
	body := binary.BigEndian.AppendUint32(make([]byte, 1, size), uint32(len(message)))
	err := errors.Join(
		t.out.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: t.out.headerBlock.Bytes(), EndHeaders: true,
		}),
		t.out.WriteData(id, true, append(body, message...)),
	)
	t.mu.Unlock()

	// Other goroutines can now add their requests, so that all of them are
	// written with one system call.
	runtime.Gosched()
	t.flush()
	return err
}

// encodeHeaders encodes the headers of a request into the header block. The
// caller holds t.mu.
func (t *transport) encodeHeaders(method, authorization string) {
	t.out.headerBlock.Reset()
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: method},
		{Name: ":authority", Value: t.address},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
		{Name: "grpc-timeout", Value: "10S"},
		{Name: "authorization", Value: authorization},
	} {
		_ = t.out.encoder.WriteField(f) // bytes.Buffer returns no errors
	}
}

// flush writes all pending frames to the connection. If another goroutine is
// in flush, that goroutine writes them.
func (t *transport) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flushing {
		return
	}

	t.flushing = true
	for t.out.pending.Len() > 0 {
		t.writing = append(t.writing[:0], t.out.pending.Bytes()...)
		t.out.pending.Reset()
		t.mu.Unlock()
		_, err := t.conn.Write(t.writing)
		t.mu.Lock()
		if err != nil {
			break // the receiving goroutine sees the failure too
		}
	}
	t.flushing = false
}

// fail closes the connection and fails all calls that have no response yet.
func (t *transport) fail(err error) {
	_ = t.conn.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.draining, t.err = true, err

	for id, s := range t.streams {
		delete(t.streams, id)
		s.code, s.message = codes.Unavailable, "connection ended: "+err.Error()
		close(s.done)
	}
	t.sendable.Broadcast()
}
