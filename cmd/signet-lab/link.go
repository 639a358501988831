package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
)

// A link is one connection.
type link struct {
	conn    net.Conn
	address string

	mu      sync.Mutex
	frames  *http2.Framer // into out
	out     bytes.Buffer
	spare   []byte // what is being written
	writing bool
	headers *hpack.Encoder // into block
	block   bytes.Buffer
	next    uint32 // stream
	calls   map[uint32]*answer
	window  int       // bytes that we may still send
	wider   sync.Cond // the window, or the end
	gone    bool      // no more calls
	failed  error
}

// An answer is that to one call.
type answer struct {
	ready   chan struct{}
	body    []byte // with its prefix
	code    codes.Code
	message string
}

// prefix is how many bytes say how long a message is, and whether it is compressed.
const prefix = 5

func newLink(conn net.Conn, address string) (*link, error) {
	l := &link{conn: conn, address: address, next: 1, calls: make(map[uint32]*answer), window: firstWindow}
	l.wider.L = &l.mu
	l.frames, l.headers = http2.NewFramer(&l.out, nil), hpack.NewEncoder(&l.block)
	l.out.WriteString(http2.ClientPreface)
	err := errors.Join(
		l.frames.WriteSettings(
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: callWindow}, http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		),
		l.frames.WriteWindowUpdate(0, wireWindow),
	)
	go l.read()
	return l, err
}

func (l *link) takesCalls() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.gone
}

// ask sends a call; a will be ready when it has been answered.
func (l *link) ask(method, authorization string, message []byte, a *answer) error {
	l.mu.Lock()
	size := prefix + len(message)
	for l.window < size && l.failed == nil {
		l.wider.Wait()
	}
	if l.failed != nil {
		defer l.mu.Unlock()
		return l.failed
	}
	l.window -= size
	stream := l.next
	l.next += 2
	l.calls[stream] = a
	l.block.Reset()
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: method},
		{Name: ":authority", Value: l.address},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
		{Name: "grpc-timeout", Value: "10S"},
		{Name: "authorization", Value: authorization},
	} {
		_ = l.headers.WriteField(f) // a buffer takes all
	}
	body := binary.BigEndian.AppendUint32(make([]byte, 1, size), uint32(len(message)))
	err := errors.Join(
		l.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: l.block.Bytes(), EndHeaders: true}),
		l.frames.WriteData(stream, true, append(body, message...)),
	)
	l.mu.Unlock()
	runtime.Gosched() // whoever is about to ask shares the system call
	l.flush()
	return err
}

// flush writes what there is, unless somebody is writing: they take it along.
func (l *link) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writing {
		return
	}
	l.writing = true
	for l.out.Len() > 0 {
		l.spare = append(l.spare[:0], l.out.Bytes()...)
		l.out.Reset()
		l.mu.Unlock()
		_, err := l.conn.Write(l.spare) // a failure is read, too
		l.mu.Lock()
		if err != nil {
			break
		}
	}
	l.writing = false
}

// read takes in what comes until the connection ends, which ends all calls.
func (l *link) read() {
	var a *answer // whose headers are read
	headers := hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		switch f.Name {
		case "grpc-status":
			code, _ := strconv.ParseUint(f.Value, 10, 32)
			a.code = codes.Code(code)
		case "grpc-message":
			a.message, _ = url.PathUnescape(f.Value)
		}
	})
	frames, taken := http2.NewFramer(io.Discard, bufio.NewReaderSize(l.conn, 64<<10)), 0
	frames.SetReuseFrames()
	for {
		frame, err := frames.ReadFrame()
		if err != nil {
			l.end(err)
			return
		}
		head, over := frame.Header(), false
		l.mu.Lock()
		if a = l.calls[head.StreamID]; a == nil {
			a = &answer{ready: make(chan struct{})} // to nobody
		}
		switch f := frame.(type) {
		case *http2.HeadersFrame:
			if _, err = headers.Write(f.HeaderBlockFragment()); err == nil {
				err = headers.Close()
			}
			if over = f.StreamEnded(); !f.HeadersEnded() {
				err = errors.New("headers in several frames")
			}
		case *http2.DataFrame:
			over = f.StreamEnded()
			a.body = append(a.body, f.Data()...)
			if taken += int(head.Length); taken > wireWindow/2 {
				err, taken = l.frames.WriteWindowUpdate(0, uint32(taken)), 0
			}
		case *http2.RSTStreamFrame:
			over = true
			a.code, a.message = codes.Unavailable, "the call was reset: "+f.ErrCode.String()
		case *http2.WindowUpdateFrame:
			if head.StreamID == 0 {
				l.window += int(f.Increment)
				l.wider.Broadcast()
			}
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = l.frames.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = l.frames.WritePing(true, f.Data)
			}
		case *http2.GoAwayFrame:
			l.gone = true
		}
		if over {
			delete(l.calls, head.StreamID)
			close(a.ready)
		}
		asked := l.out.Len() > 0
		l.mu.Unlock()
		if err != nil {
			l.end(err)
			return
		}
		if asked && head.StreamID == 0 {
			l.flush()
		}
	}
}

// end answers all that wait.
func (l *link) end(why error) {
	_ = l.conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone, l.failed = true, why
	for stream, a := range l.calls {
		delete(l.calls, stream)
		a.code, a.message = codes.Unavailable, "the connection ended: "+why.Error()
		close(a.ready)
	}
	l.wider.Broadcast()
}
