package rpc

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestDeadlines(t *testing.T) {
	for name, c := range map[string]struct{ asked, want time.Duration }{
		"none":     {0, 10 * time.Second},
		"short":    {3 * time.Second, 3 * time.Second},
		"long":     {50 * time.Second, 50 * time.Second},
		"too long": {time.Hour, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := t.Context(), func() {}
			if c.asked > 0 {
				ctx, cancel = context.WithTimeout(ctx, c.asked)
			}
			defer cancel()
			ctx = grpc.NewContextWithServerTransportStream(ctx, discard{})
			var got time.Duration
			info := &grpc.UnaryServerInfo{FullMethod: signetv1.KeyService_GetKeySet_FullMethodName}
			_, err := interceptor{log: slog.New(slog.DiscardHandler)}.unary(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
				deadline, _ := ctx.Deadline()
				got = time.Until(deadline)
				return nil, nil
			})
			if err != nil || got != c.want {
				t.Errorf("%s: %v, want %v; %v", name, got, c.want, err)
			}
		})
	}
}

// discard is a stream whose headers nobody reads.
type discard struct{}

func (discard) Method() string                  { return "" }
func (discard) SetHeader(metadata.MD) error     { return nil }
func (discard) SendHeader(metadata.MD) error    { return nil }
func (discard) SetTrailer(md metadata.MD) error { return nil }

func TestRequestID(t *testing.T) {
	h := openHouse(t)
	for name, c := range map[string]struct {
		sent []string
		kept bool
	}{
		"plain":    {[]string{"a.B-c_9"}, true},
		"longest":  {[]string{strings.Repeat("a", 64)}, true},
		"none":     {nil, false},
		"empty":    {[]string{""}, false},
		"too long": {[]string{strings.Repeat("a", 65)}, false},
		"two":      {[]string{"a", "b"}, false},
		"a space":  {[]string{"a b"}, false},
		"a quote":  {[]string{`a"b`}, false},
	} {
		h.logs.reset()
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"x-request-id": c.sent})
		var header metadata.MD
		if _, err := h.keys.GetKeySet(ctx, &signetv1.GetKeySetRequest{}, grpc.Header(&header)); err != nil {
			t.Fatal(name, err)
		}
		got := header.Get("x-request-id")
		if len(got) != 1 || !oauth.ValidRequestID(got[0]) || (c.kept && got[0] != c.sent[0]) || (!c.kept && len(got[0]) != 26) {
			t.Errorf("%s: sent back %q", name, got)
		}
		if line := h.logs.line(t, "call"); len(got) == 1 && line["request_id"] != got[0] {
			t.Errorf("%s: logged %q, sent back %q", name, line["request_id"], got)
		}
	}
}

func TestCallsAreLoggedWithoutTheirContents(t *testing.T) {
	h := openHouse(t)
	in := h.login(t, "web")
	line := h.logs.line(t, "call")
	for key, want := range map[string]any{
		"level": "DEBUG", "method": "/signet.v1.TokenService/Login", "code": "OK", "client_id": "web",
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if peer, _ := line["peer"].(string); !strings.HasPrefix(peer, "127.0.0.1:") {
		t.Errorf("peer is %v", line["peer"])
	}
	if ms, _ := line["duration_ms"].(float64); ms <= 0 {
		t.Errorf("duration_ms is %v", line["duration_ms"])
	}

	h.logs.reset()
	_, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{Username: username, Password: "canary-wrong-password"})
	if status.Code(err) != codes.Unauthenticated {
		t.Fatal(err)
	}
	line = h.logs.line(t, "call")
	if line["level"] != "INFO" || line["error"] != "invalid_grant" || line["cause"] != "wrong_password" || line["code"] != "Unauthenticated" {
		t.Errorf("a refused login is logged as %v", line)
	}
	if _, err := h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken(), IdempotencyKey: "canary-key"}); err != nil {
		t.Fatal(err)
	}
	_, _ = h.tokens.Revoke(h.as(t, "web"), &signetv1.RevokeRequest{Token: in.GetAccessToken(), TokenTypeHint: strings.Repeat("canary-hint", 9)})
	text := h.logs.text()
	for _, private := range []string{
		"canary", secret, in.GetAccessToken(), in.GetRefreshToken(), in.GetDeviceToken(), h.secrets["web"], encoded("web:" + h.secrets["web"]),
	} {
		if private == "" || strings.Contains(text, private) {
			t.Errorf("the log has %q", private)
		}
	}
}

func TestPanicIsAnAnswerAndALogLine(t *testing.T) {
	h := openHouse(t, func(o *Options) { o.Issuer = nil })
	_, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{Username: "canary-name", Password: "canary-password"})
	if s := status.Convert(err); s.Code() != codes.Internal || reason(err) != "SERVER_ERROR" || strings.Contains(s.Message(), "nil") {
		t.Errorf("answer %v", s)
	}
	line := h.logs.line(t, "panic in a gRPC handler")
	if stack, _ := line["stack"].(string); !strings.Contains(stack, "tokenService") || line["level"] != "ERROR" || line["request_id"] == "" {
		t.Errorf("logged %v", line)
	}
	if call := h.logs.line(t, "call"); call["code"] != "Internal" || call["client_id"] != "web" || call["level"] != "ERROR" {
		t.Errorf("logged %v", call)
	}
	if strings.Contains(h.logs.text(), "canary") {
		t.Error("the log has the request's contents")
	}
	if _, err := h.keys.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}); err != nil {
		t.Errorf("the server does not live on: %v", err)
	}
}
