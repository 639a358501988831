package verify_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// A relay is a TCP proxy that can stop forwarding: its connections stay open
// and nothing arrives, as behind a firewall that drops packets.
type relay struct {
	net.Listener
	target string

	mu     sync.Mutex
	frozen bool
	conns  []net.Conn
	all    []net.Conn
}

// freeze stops forwarding on all connections for good. While frozen is true,
// new connections are frozen, too.
func (r *relay) freeze(frozen bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frozen = frozen
	for _, c := range r.conns {
		_ = c.SetDeadline(time.Unix(1, 0)) // ends the copies; the connections stay open
	}
	r.conns = nil
}

// close ends everything.
func (r *relay) close() {
	_ = r.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.all {
		_ = c.Close()
	}
}

func (r *relay) run() {
	for {
		client, err := r.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		r.mu.Lock()
		r.all = append(r.all, client, server)
		if !r.frozen {
			r.conns = append(r.conns, client, server)
			go func() { _, _ = io.Copy(server, client) }()
			go func() { _, _ = io.Copy(client, server) }()
		}
		r.mu.Unlock()
	}
}

// Connections on which nothing arrives any more are given up, with HTTP/1.1 and
// with HTTP/2: the verifier is up to date again as soon as new ones work.
func TestFeed_GivesUpDeadConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits until revocations are a second old")
	}
	for _, http2 := range []bool{false, true} {
		issuer := verifytest.New(t)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if (r.ProtoMajor == 2) != http2 {
				t.Errorf("a request with %s", r.Proto)
			}
			out := r.Clone(r.Context())
			out.URL.Scheme, out.URL.Host, out.RequestURI = "https", "issuer.test", ""
			response, err := issuer.RoundTrip(out)
			if err != nil {
				return
			}
			for name, values := range response.Header {
				w.Header()[name] = values
			}
			w.WriteHeader(response.StatusCode)
			_, _ = io.Copy(w, response.Body)
		}))
		server.EnableHTTP2, server.Config.ErrorLog = http2, log.New(io.Discard, "", 0)
		server.StartTLS()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		network := &relay{Listener: listener, target: server.Listener.Addr().String()}
		go network.run()

		config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		config.ServerName = "example.com"
		transport := &http.Transport{
			TLSClientConfig: config, ForceAttemptHTTP2: http2,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
			},
		}
		v, err := verify.New(t.Context(), verifytest.URL, verify.Options{
			Audience: verifytest.Audience, Revocation: verify.FailClosed(time.Second),
			HTTP: &http.Client{Transport: transport}, Log: quiet,
		})
		if err != nil {
			t.Fatal(err)
		}
		token := issuer.Token(verifytest.Claims{Subject: "alice"})
		await(t, "at first", v, token, nil)
		network.freeze(true)
		await(t, "frozen", v, token, verify.ErrStale)
		network.freeze(false)
		await(t, "new connections work", v, token, nil)
		issuer.Revoke(token)
		await(t, "revoked", v, token, verify.ErrRevoked)

		v.Close()
		transport.CloseIdleConnections()
		network.close()
		server.Close()
	}
}

// await waits until Verify returns an error of this kind, or none.
func await(t *testing.T, what string, v *verify.Verifier, token string, kind error) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		_, err := v.Verify(t.Context(), token)
		if errors.Is(err, kind) {
			t.Logf("%s: after %v", what, time.Since(began))
			return
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%s: the error is still %v", what, err)
		}
	}
}
