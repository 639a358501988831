package rpc_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestRequestID(t *testing.T) {
	f := newFixture(t)
	for name, c := range map[string]struct {
		sent []string
		want bool // the server uses the sent id
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
		f.Logs.Reset()
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"x-request-id": c.sent})
		var header metadata.MD
		if _, err := f.KeyService.GetKeySet(ctx, &signetv1.GetKeySetRequest{}, grpc.Header(&header)); err != nil {
			t.Fatal(name, err)
		}
		got := header.Get("x-request-id")
		if len(got) != 1 || !oauth.ValidRequestID(got[0]) ||
			c.want && got[0] != c.sent[0] || !c.want && len(got[0]) != 26 {
			t.Errorf("%s: response has %q", name, got)
		}
		if line := f.Logs.Line(t, "call"); len(got) == 1 && line["request_id"] != got[0] {
			t.Errorf("%s: logged %q, response has %q", name, line["request_id"], got)
		}
	}
}

// Rule 66: No secret is printed or logged.
func TestRule66_CallsAreLoggedWithoutTheirContents(t *testing.T) {
	f := newFixture(t)
	in := f.LogIn(t, "web")
	line := f.Logs.Line(t, "call")
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

	f.Logs.Reset()
	_, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{
		Username: username, Password: "canary-wrong-password",
	})
	if status.Code(err) != codes.Unauthenticated {
		t.Fatal(err)
	}
	line = f.Logs.Line(t, "call")
	if line["level"] != "INFO" || line["error"] != "invalid_grant" || line["cause"] != "wrong_password" ||
		line["code"] != "Unauthenticated" {
		t.Errorf("refused login: logged %v", line)
	}
	if _, err := f.TokenService.Refresh(f.As(t, "web"), &signetv1.RefreshRequest{
		RefreshToken: in.GetRefreshToken(), IdempotencyKey: "canary-key",
	}); err != nil {
		t.Fatal(err)
	}
	_, _ = f.TokenService.Revoke(f.As(t, "web"), &signetv1.RevokeRequest{
		Token: in.GetAccessToken(), TokenTypeHint: strings.Repeat("canary-hint", 9),
	})
	text := f.Logs.Text()
	for _, private := range []string{
		"canary", password, in.GetAccessToken(), in.GetRefreshToken(), in.GetDeviceToken(), f.Secrets["web"],
		strings.TrimPrefix(f.Basic("web"), "Basic "),
	} {
		if private == "" || strings.Contains(text, private) {
			t.Errorf("the log has %q", private)
		}
	}
}

func TestPanicIsServerErrorAndLogged(t *testing.T) {
	f := newServer(t, func(o *rpc.Options) { o.Services.Token = &rpc.TokenService{} })
	_, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{
		Username: "canary-name", Password: "canary-password",
	})
	if s := status.Convert(err); s.Code() != codes.Internal || reason(err) != "SERVER_ERROR" ||
		strings.Contains(s.Message(), "nil") {
		t.Errorf("status %v", s)
	}
	line := f.Logs.Line(t, "panic in a gRPC handler")
	if stack, _ := line["stack"].(string); !strings.Contains(stack, "rpc.(*TokenService).Login") ||
		line["level"] != "ERROR" || line["request_id"] == "" {
		t.Errorf("logged %v", line)
	}
	if call := f.Logs.Line(t, "call"); call["code"] != "Internal" || call["client_id"] != "web" ||
		call["level"] != "ERROR" {
		t.Errorf("logged %v", call)
	}
	if strings.Contains(f.Logs.Text(), "canary") {
		t.Error("the log has text of the request")
	}
	if _, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}); err != nil {
		t.Errorf("after the panic: %v", err)
	}
}
