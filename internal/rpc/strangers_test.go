package rpc_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A stranger is a connection that begins calls and sends no message.
type stranger struct {
	net.Conn
	frames *http2.Framer
	next   uint32 // the id of the next stream
}

// newStranger sends the preface of HTTP/2.
func newStranger(t *testing.T, c net.Conn) *stranger {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	s := &stranger{Conn: c, frames: http2.NewFramer(c, c), next: 1}
	s.frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err := io.WriteString(c, http2.ClientPreface)
	must(t, err)
	must(t, s.frames.WriteSettings())
	return s
}

// begin sends the headers of a call, and neither a message nor the end of the
// stream. It returns the id of the stream.
func (s *stranger) begin(t *testing.T, method string) (id uint32) {
	t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: method},
		{Name: ":authority", Value: "localhost"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
	} {
		must(t, encoder.WriteField(f))
	}
	// An error means that the server has closed the connection.
	_ = s.frames.WriteHeaders(http2.HeadersFrameParam{
		StreamID: s.next, BlockFragment: block.Bytes(), EndHeaders: true,
	})
	s.next += 2
	return s.next - 2
}

// ended reads until a stream ends, and returns its id and its grpc-status. It
// returns an error when the server closes the connection.
func (s *stranger) ended() (id uint32, code string, err error) {
	for {
		f, err := s.frames.ReadFrame()
		if err != nil {
			return 0, "", err
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			for _, h := range f.RegularFields() {
				if h.Name == "grpc-status" {
					return f.StreamID, h.Value, nil
				}
			}
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if err := s.frames.WriteSettingsAck(); err != nil {
					return 0, "", err
				}
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				if err := s.frames.WritePing(true, f.Data); err != nil {
					return 0, "", err
				}
			}
		}
	}
}

// respond reads until a response begins. It returns false when the server
// closes the connection.
func (s *stranger) respond() bool {
	for {
		f, err := s.frames.ReadFrame()
		if err != nil {
			return false
		}
		if f.Header().Type == http2.FrameHeaders {
			return true
		}
	}
}

// dialStranger connects a stranger to a fixture.
func dialStranger(t *testing.T, f *rpctest.Fixture) *stranger {
	t.Helper()
	c, err := net.Dial("tcp", f.Address)
	must(t, err)
	return newStranger(t, c)
}

// serveInBubble starts a server in memory, inside a synctest bubble, and
// returns a connection to it. change changes the options of the server.
func serveInBubble(t *testing.T, change func(*rpc.Options)) *stranger {
	t.Helper()
	o := rpc.Options{Ready: func() error { return nil }, Log: slog.New(slog.DiscardHandler)}
	change(&o)
	s := rpc.New(o)
	l := bufconn.Listen(1 << 16)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Drain(t.Context()) })
	c, err := l.Dial()
	must(t, err)
	return newStranger(t, c)
}

// Rule 76: a call has its deadline from the moment when its headers arrive,
// also if its message never arrives.
func TestRule76_CallWithoutMessageEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, began := serveInBubble(t, func(*rpc.Options) {}), time.Now()
		s.begin(t, "/grpc.health.v1.Health/Check")
		_, code, err := s.ended()
		if err != nil || code != "4" || time.Since(began) != 10*time.Second {
			t.Errorf("grpc-status %q after %v, %v; want 4 after 10s", code, time.Since(began), err)
		}
	})
}

// Rule 76: the server closes a connection without calls after two minutes, and
// at most one more for the answer to its GOAWAY.
func TestRule76_IdleConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, began := serveInBubble(t, func(*rpc.Options) {}), time.Now()
		_, _, err := s.ended()
		if took := time.Since(began); !errors.Is(err, io.EOF) || took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// Rule 76: calls without a message displace each other, and no other call.
func TestRule76_CallsWithoutMessageAreBounded(t *testing.T) {
	requests := connlimit.NewRequests(16)
	f := newServer(t, func(o *rpc.Options) { o.Limits.Requests = requests })
	s := dialStranger(t, f)
	const begun, mayWait = 200, 16
	token := f.LogIn(t, "web").GetRefreshToken()
	for range begun {
		s.begin(t, signetv1.TokenService_Login_FullMethodName)
	}
	seen := map[uint32]bool{}
	for range begun - mayWait {
		id, code, err := s.ended()
		if err != nil || code != "1" {
			t.Fatalf("stream %d: grpc-status %q, %v; want 1", id, code, err)
		}
		seen[id] = true
	}
	for id := uint32(1); id < 2*(begun-mayWait); id += 2 {
		if !seen[id] {
			t.Errorf("stream %d is not among the oldest that ended", id)
		}
	}
	if got := requests.Stats(); got.Waiting != mayWait || got.Displaced != begun-mayWait {
		t.Errorf("%+v", got)
	}
	if _, err := f.Refresh(t, "web", token); err != nil {
		t.Errorf("a refresh beside them: %v", err)
	}
	if got := requests.Stats(); got.Open != mayWait-1 {
		t.Errorf("%+v after the refresh", got)
	}
}

// Rule 76: a call is counted until its handler returns, also if the caller has
// cancelled it. Otherwise a caller could have any number of handlers run.
func TestRule76_CancelledCallIsCountedWhileItsHandlerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests, finish := connlimit.NewRequests(16), make(chan struct{})
		s := serveInBubble(t, func(o *rpc.Options) {
			o.Limits.Requests = requests
			o.Ready = func() error { <-finish; return nil } // what a Check waits for
		})
		id := s.begin(t, "/grpc.health.v1.Health/Check")
		must(t, s.frames.WriteData(id, true, make([]byte, 5))) // an empty message
		synctest.Wait()
		must(t, s.frames.WriteRSTStream(id, http2.ErrCodeCancel))
		synctest.Wait()
		if got := requests.Stats().Open; got != 1 {
			t.Errorf("%d calls are counted while the handler of a cancelled one runs, want 1", got)
		}
		close(finish)
		synctest.Wait()
		if got := requests.Stats().Open; got != 0 {
			t.Errorf("%d calls are counted after the handler has returned, want 0", got)
		}
	})
}

// A server that has too many calls in progress refuses another one with a
// delay.
func TestTooManyCallsAreUnavailable(t *testing.T) {
	requests := connlimit.NewRequests(1)
	f := newServer(t, func(o *rpc.Options) { o.Limits.Requests = requests })
	other := requests.Begin(func() {})
	other.Arrived()
	_, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{})
	if status.Code(err) != codes.Unavailable || reason(err) != "TEMPORARILY_UNAVAILABLE" || !hasRetryInfo(err) {
		t.Errorf("%v", err)
	}
	other.End()
	if _, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}); err != nil {
		t.Error(err)
	}
	if got := requests.Stats(); got.Open != 0 {
		t.Errorf("%d calls are counted after the last one has ended", got.Open)
	}
}

// Rule 76: responses that a client does not read are bounded. The server closes
// the connection that has the most of them.
func TestRule76_UnreadResponsesAreBounded(t *testing.T) {
	f := newServer(t, func(o *rpc.Options) { o.Limits.MaxOpenStreams = 150 })
	few, many := dialStranger(t, f), dialStranger(t, f)
	for _, s := range []*stranger{few, many} {
		must(t, s.frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	}
	call := func(s *stranger) error {
		s.begin(t, signetv1.KeyService_GetKeySet_FullMethodName)
		return s.frames.WriteData(s.next-2, true, make([]byte, 5)) // an empty message
	}
	for range 20 {
		must(t, call(few))
	}
	for range 180 {
		if call(many) != nil || !many.respond() { // the server has closed the connection
			break
		}
	}
	if _, _, err := many.ended(); err == nil {
		t.Error("a response was read without a window")
	}
	token := f.LogIn(t, "web").GetRefreshToken()
	if _, err := f.Refresh(t, "web", token); err != nil {
		t.Errorf("a refresh beside them: %v", err)
	}

	must(t, few.frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 16}))
	for range 20 {
		if _, code, err := few.ended(); err != nil || code != "0" {
			t.Fatalf("the other connection: grpc-status %q, %v", code, err)
		}
	}
}

// Rule 76: a stranger that spreads unread responses over many connections does
// not make the server close a connection with many calls in progress.
func TestRule76_CallsInProgressOutliveUnreadResponses(t *testing.T) {
	const inProgress, strangers = 20, 6 // each stranger has two unread responses
	running, finish := make(chan struct{}), make(chan struct{})
	f := newServer(t, func(o *rpc.Options) {
		o.Limits.MaxOpenStreams = inProgress + 2*(strangers-1)
		o.Ready = func() error { running <- struct{}{}; <-finish; return nil }
	})
	answers := make(chan error)
	for range inProgress {
		go func() {
			_, err := healthv1.NewHealthClient(f.Conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
			answers <- err
		}()
	}
	for range inProgress {
		<-running
	}
	for range strangers {
		s := dialStranger(t, f)
		must(t, s.frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
		for range 2 {
			s.begin(t, signetv1.KeyService_GetKeySet_FullMethodName)
			if s.frames.WriteData(s.next-2, true, make([]byte, 5)) != nil || !s.respond() {
				break // the server has closed the connection
			}
		}
	}
	close(finish)
	for range inProgress {
		if err := <-answers; err != nil {
			t.Fatalf("a call in progress: %v", err)
		}
	}
}

// Rule 76: an address has a bounded number of health streams.
func TestRule76_HealthStreamsAreBounded(t *testing.T) {
	f := newServer(t, func(o *rpc.Options) {
		o.Limits.Streams = connlimit.NewCounter(connlimit.Limits{Max: 4, PerAddress: 2})
	})
	watch := func() (healthv1.Health_WatchClient, error) {
		w, err := healthv1.NewHealthClient(f.Conn).Watch(rpctest.Context(t), &healthv1.HealthCheckRequest{})
		must(t, err)
		_, err = w.Recv()
		return w, err
	}
	for range 2 {
		_, err := watch()
		must(t, err)
	}
	if _, err := watch(); status.Code(err) != codes.ResourceExhausted || reason(err) != "SLOW_DOWN" {
		t.Errorf("one stream more: %v", err)
	}
	if _, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}); err != nil {
		t.Errorf("a call beside the streams: %v", err)
	}
}
