package main

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

// parrot answers with as many bytes as the scope says, or with an error.
type parrot struct {
	signetv1.UnimplementedTokenServiceServer
	hold chan struct{} // until it is closed, "hold" is not answered
}

func (p parrot) Refresh(ctx context.Context, r *signetv1.RefreshRequest) (*signetv1.TokenResponse, error) {
	switch md, _ := metadata.FromIncomingContext(ctx); {
	case strings.Join(md.Get("authorization"), "") != "Basic abc":
		return nil, status.Error(codes.Unauthenticated, "who calls?")
	case r.GetRefreshToken() == "refuse":
		return nil, status.Error(codes.FailedPrecondition, "100 % refused: “no”")
	case r.GetRefreshToken() == "hold":
		<-p.hold
	}
	if _, ok := ctx.Deadline(); !ok {
		return nil, status.Error(codes.InvalidArgument, "no deadline")
	}
	return &signetv1.TokenResponse{AccessToken: strings.Repeat("x", 300_000), RefreshToken: r.GetRefreshToken()}, nil
}

// listen serves a parrot until the test ends, and returns where, and what stops it at once.
func listen(t *testing.T, o ...grpc.ServerOption) (parrot, string, func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, s := parrot{hold: make(chan struct{})}, grpc.NewServer(o...)
	signetv1.RegisterTokenServiceServer(s, p)
	var all sync.WaitGroup
	all.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { s.Stop(); all.Wait() })
	return p, l.Addr().String(), s.Stop
}

// Answers are longer than a frame, and requests together than the window.
func TestWireCalls(t *testing.T) {
	_, address, _ := listen(t)
	w := &wire{address: address, authorization: "Basic abc"}
	defer w.Close()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			want := strings.Repeat(string(rune('a'+i)), 10_000)
			for range 20 {
				got, err := signetv1.NewTokenServiceClient(w).Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: want})
				if err != nil || got.GetRefreshToken() != want || len(got.GetAccessToken()) != 300_000 {
					t.Errorf("%.20s…, %v", got.GetRefreshToken(), err)
					return
				}
			}
		})
	}
	all.Wait()
	_, err := signetv1.NewTokenServiceClient(w).Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: "refuse"})
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "100 % refused: “no”" {
		t.Errorf("refused with %v", err)
	}
	_, err = signetv1.NewTokenServiceClient(w).Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: strings.Repeat("x", longestAsked)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a request that is too long: %v", err)
	}
}

// A server that asks its clients to come again, as an issuer does, loses no call.
func TestWireComesAgain(t *testing.T) {
	_, address, _ := listen(t, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 20 * time.Millisecond}))
	w := &wire{address: address, authorization: "Basic abc"}
	defer w.Close()
	var first *link
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); {
		if _, err := signetv1.NewTokenServiceClient(w).Refresh(t.Context(), &signetv1.RefreshRequest{}); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = w.link
		} else if w.link != first {
			return
		}
	}
	t.Error("the connection is as old as the test")
}

func TestWireEnds(t *testing.T) {
	p, address, stop := listen(t)
	w := &wire{address: address, authorization: "Basic abc"}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	calls := signetv1.NewTokenServiceClient(w)
	if _, err := calls.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: "hold"}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a call that is not answered: %v", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := calls.Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: "hold"})
		ended <- err
	}()
	close(p.hold)
	if err := <-ended; err != nil {
		t.Errorf("a call that is answered late: %v", err)
	}
	stop()
	if _, err := calls.Refresh(t.Context(), &signetv1.RefreshRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("a server that has ended: %v", err)
	}
}
