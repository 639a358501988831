package grpcconn

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// An echoServer answers Refresh with the refresh token of the request and a
// long access token. The refresh token "refuse" gets an error, and "hold" gets
// its response when release is closed.
type echoServer struct {
	signetv1.UnimplementedTokenServiceServer
	release chan struct{}
}

func (s echoServer) Refresh(ctx context.Context, r *signetv1.RefreshRequest) (*signetv1.TokenResponse, error) {
	switch md, _ := metadata.FromIncomingContext(ctx); {
	case strings.Join(md.Get("authorization"), "") != "Basic abc":
		return nil, status.Error(codes.Unauthenticated, "no authorization header")
	case r.GetRefreshToken() == "refuse":
		return nil, status.Error(codes.FailedPrecondition, "100 % refused: “no”")
	case r.GetRefreshToken() == "hold":
		<-s.release
	}
	if _, ok := ctx.Deadline(); !ok {
		return nil, status.Error(codes.InvalidArgument, "no deadline")
	}
	return &signetv1.TokenResponse{AccessToken: strings.Repeat("x", 300_000), RefreshToken: r.GetRefreshToken()}, nil
}

// startServer starts an echoServer that stops with the test. It returns the
// server, its address and a function that stops it at once.
func startServer(t *testing.T, o ...grpc.ServerOption) (echoServer, string, func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echo, s := echoServer{release: make(chan struct{})}, grpc.NewServer(o...)
	signetv1.RegisterTokenServiceServer(s, echo)
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { s.Stop(); serving.Wait() })
	return echo, l.Addr().String(), s.Stop
}

// Each response is longer than one frame, and all requests together are larger
// than the send window.
func TestConn_ConcurrentCalls(t *testing.T) {
	_, address, _ := startServer(t)
	c := &Conn{Address: address, Authorization: "Basic abc"}
	defer c.Close()
	tokens := signetv1.NewTokenServiceClient(c)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			want := strings.Repeat(string(rune('a'+i)), 10_000)
			for range 20 {
				got, err := tokens.Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: want})
				if err != nil || got.GetRefreshToken() != want || len(got.GetAccessToken()) != 300_000 {
					t.Errorf("%.20s…, %v", got.GetRefreshToken(), err)
					return
				}
			}
		})
	}
	all.Wait()

	_, err := tokens.Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: "refuse"})
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "100 % refused: “no”" {
		t.Errorf("refused call: %v", err)
	}
	_, err = tokens.Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: strings.Repeat("x", maxRequestBytes)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("request longer than a frame: %v", err)
	}
}

// The server limits the age of connections with GOAWAY frames, as an issuer
// does. No call fails.
func TestConn_ReconnectsAfterGoAway(t *testing.T) {
	maxAge := keepalive.ServerParameters{MaxConnectionAge: 20 * time.Millisecond}
	_, address, _ := startServer(t, grpc.KeepaliveParams(maxAge))
	c := &Conn{Address: address, Authorization: "Basic abc"}
	defer c.Close()
	var first *transport
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); {
		if _, err := signetv1.NewTokenServiceClient(c).Refresh(t.Context(), &signetv1.RefreshRequest{}); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = c.transport
		} else if c.transport != first {
			return
		}
	}
	t.Error("no new connection within 10s")
}

func TestConn_CallsEndAtDeadlineAndWithServer(t *testing.T) {
	echo, address, stop := startServer(t)
	c := &Conn{Address: address, Authorization: "Basic abc"}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	tokens := signetv1.NewTokenServiceClient(c)
	_, err := tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: "hold"})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("call without a response: %v", err)
	}

	ended := make(chan error, 1)
	go func() {
		_, err := tokens.Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: "hold"})
		ended <- err
	}()
	close(echo.release)
	if err := <-ended; err != nil {
		t.Errorf("call with a late response: %v", err)
	}

	stop()
	if _, err := tokens.Refresh(t.Context(), &signetv1.RefreshRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("call to a stopped server: %v", err)
	}
}
