package verify_test

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/web"
	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifygrpc"
)

var gateway = issuertest.GatewaySetup()

// realURL is the issuer identifier of a realIssuer.
const realURL = "https://issuer.example"

// A realIssuer is the issuer with its store, its HTTP API and its loops, and a
// verifier of its tokens.
type realIssuer struct {
	*issuertest.Gateway
	transport http.RoundTripper
	v         *verify.Verifier
}

func newRealIssuer(t *testing.T) *realIssuer {
	t.Helper()
	// The default of the configuration.
	poll := func(o *components.Options) { o.Revocations.PollInterval = 200 * time.Millisecond }
	g := issuertest.NewGateway(t, gateway, poll)
	g.Run(t)
	handler, err := web.Handler(web.Options{
		Issuer: realURL, Keys: g.Keys, TokenIssuer: g.Issuer, Inspector: g.Inspector, Grants: g.Grants,
		Registry: g.Registry, Feed: g.Feed, Log: g.Logs.Logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	transport := inProcess{handler}
	v, err := verify.New(t.Context(), realURL, verify.Options{
		Audience: issuertest.API, Revocation: verify.FailClosed(5 * time.Second), Log: slog.New(slog.DiscardHandler),
		HTTP: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return &realIssuer{g, transport, v}
}

// inProcess sends requests to a handler.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	received := r.Clone(r.Context())
	received.RemoteAddr, received.RequestURI = "127.0.0.1:1000", r.URL.RequestURI()
	if received.Body == nil {
		received.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, received)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

// Rule 25: a refresh token that is used again ends the grant, and within a
// second a verifier refuses the access tokens of the grant: those of the user
// and those of the thief.
func TestRule25_ReuseRevokesTheAccessTokensOfTheGrant(t *testing.T) {
	bubble(t, func(t *testing.T) {
		iss := newRealIssuer(t)
		first := iss.MustLogin(t)
		second := iss.MustRefresh(t, first.RefreshToken, "mine")
		third := iss.MustRefresh(t, second.RefreshToken, "mine too")
		other := iss.MustLogin(t)
		tokens := []string{first.AccessToken, second.AccessToken, third.AccessToken}
		for _, token := range tokens {
			want(t, iss.v, "before the reuse", token, nil)
		}

		if _, err := iss.Refresh(t.Context(), first.RefreshToken, ""); !errors.Is(err, oauth.InvalidGrant) {
			t.Fatalf("the reuse: %v", err)
		}
		time.Sleep(time.Second)
		for _, token := range tokens {
			want(t, iss.v, "after the reuse", token, verify.ErrRevoked)
		}
		want(t, iss.v, "another login of the user", other.AccessToken, nil)
	})
}

// Rule 22: the tokens of a compromised key are refused within a second, and
// their users go on with new ones.
func TestRule22_CompromiseReachesTheVerifier(t *testing.T) {
	bubble(t, func(t *testing.T) {
		iss := newRealIssuer(t)
		old := iss.MustLogin(t)
		want(t, iss.v, "before", old.AccessToken, nil)
		iss.Compromise(t, keyOf(t, old.AccessToken))
		time.Sleep(time.Second)
		want(t, iss.v, "after", old.AccessToken, verify.ErrInvalid)
		want(t, iss.v, "the next token", iss.MustRefresh(t, old.RefreshToken, "").AccessToken, nil)
	})
}

// keyOf returns the kid of a token.
func keyOf(t *testing.T, token string) (kid string) {
	t.Helper()
	_, _ = jws.Verify(token, func(id string) (string, crypto.PublicKey, bool) { kid = id; return "", nil, false })
	if kid == "" {
		t.Fatal("the token has no kid")
	}
	return kid
}

// A WebSocket and a gRPC stream end within a second after the issuer has
// revoked their grant, and others go on.
func TestWhile_StreamsEndWhenTheIssuerRevokes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		iss := newRealIssuer(t)
		login, other := iss.MustLogin(t), iss.MustLogin(t)
		goesOn := while(t, iss.v, other.AccessToken)

		sockets := serveSockets(t, iss.v)
		socket := openSocket(t, sockets, login.AccessToken)
		defer socket.Close()
		stream := watchHealth(t, iss.v, login.AccessToken)
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)

		began := time.Now()
		if err := iss.Grants.RevokeToken(t.Context(), iss.Caller, login.RefreshToken); err != nil {
			t.Fatal(err)
		}
		_, err := stream.Recv()
		took := time.Since(began)
		if status.Convert(err).Message() != "the access token was revoked" || took > time.Second {
			t.Errorf("the gRPC stream ended with %v after %v", err, took)
		}
		if _, err := socket.Read(make([]byte, 1)); err == nil || time.Since(began) > time.Second {
			t.Errorf("the WebSocket ended with %v after %v", err, time.Since(began))
		}
		wantOpen(t, "another login", goesOn)
	})
}

// watchHealth opens a stream of a gRPC server that the verifier protects.
func watchHealth(t *testing.T, v *verify.Verifier, token string) healthv1.Health_WatchClient {
	t.Helper()
	rules := verifygrpc.Rules{"/grpc.health.v1.Health/*": {verify.Scope("read")}}
	server := grpc.NewServer(verifygrpc.Unary(v, rules), verifygrpc.Stream(v, rules))
	healthv1.RegisterHealthServer(server, health.NewServer())
	listener, done := bufconn.Listen(1<<16), make(chan struct{})
	go func() { _ = server.Serve(listener); close(done) }()
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	c, err := grpc.NewClient("passthrough:///test", grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); server.Stop(); <-done })

	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	stream, err := healthv1.NewHealthClient(c).Watch(ctx, &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}
