package verify_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/websocket"
	"google.golang.org/grpc/test/bufconn"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// echoWhile is a WebSocket that repeats its messages while its token is valid.
func echoWhile(v *verify.Verifier) http.Handler {
	return websocket.Handler(func(c *websocket.Conn) {
		claims, _ := verify.From(c.Request().Context())
		ctx, stop := v.While(c.Request().Context(), claims)
		defer stop()
		defer context.AfterFunc(ctx, func() { _ = c.Close() })()
		for message := ""; ; {
			if websocket.Message.Receive(c, &message) != nil || websocket.Message.Send(c, message) != nil {
				return
			}
		}
	})
}

// serveSockets serves echoWhile and returns a function that connects to it.
func serveSockets(t *testing.T, v *verify.Verifier) (dial func() (net.Conn, error)) {
	t.Helper()
	listener, done := bufconn.Listen(1<<16), make(chan struct{})
	server := &http.Server{Handler: v.Middleware(echoWhile(v)), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener); close(done) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return listener.Dial
}

// openSocket opens a WebSocket with the token.
func openSocket(t *testing.T, dial func() (net.Conn, error), token string) *websocket.Conn {
	t.Helper()
	config, err := websocket.NewConfig("ws://service.test/", "http://service.test/")
	if err != nil {
		t.Fatal(err)
	}
	config.Header.Set("Authorization", "Bearer "+token)
	conn, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	c, err := websocket.NewClient(config, conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A WebSocket ends within a second after its token is revoked, and when the
// token expires, although its handler waits for a message.
func TestWhile_EndsAWebSocket(t *testing.T) {
	for _, end := range []string{"revoked", "expired"} {
		bubble(t, func(t *testing.T) {
			iss := verifytest.New(t)
			v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second), Leeway: -1})
			token := iss.Token(verifytest.Claims{Subject: "ada", ExpiresAt: time.Now().Add(time.Minute)})
			c := openSocket(t, serveSockets(t, v), token)
			defer c.Close()
			message := ""
			err := errors.Join(websocket.Message.Send(c, "hello"), websocket.Message.Receive(c, &message))
			if err != nil || message != "hello" {
				t.Fatalf("received %q, %v", message, err)
			}

			time.Sleep(10 * time.Second)
			began, latest := time.Now(), 50*time.Second // exp
			if end == "revoked" {
				iss.Revoke(token)
				latest = time.Second
			}
			err = websocket.Message.Receive(c, &message)
			if took := time.Since(began); err == nil || took > latest || end == "expired" && took != latest {
				t.Errorf("%s: the socket ended with %v after %v, want %v", end, err, took, latest)
			}
		})
	}
}
