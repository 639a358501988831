package rpc_test

import (
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 54: The server uses x-forwarded-for only if a trusted proxy sends it.
func TestRule54_ForwardedFor(t *testing.T) {
	untrusted := newServer(t, func(o *rpc.Options) { o.Proxies = oauth.Proxies{netip.MustParsePrefix("10.0.0.0/8")} })
	trusted := newServer(t, func(o *rpc.Options) {
		o.Proxies = oauth.Proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	const origin = "198.51.100.7"
	for name, c := range map[string]struct {
		f         *rpctest.Fixture
		client    string
		forwarded []string
		ip        string // the address in the audit log
		peer      string // the beginning of the peer in the log
	}{
		"untrusted peer": {untrusted, "spa", []string{origin}, "127.0.0.1", "127.0.0.1:"},
		"trusted":        {trusted, "spa", []string{origin}, origin, origin},
		"spoofed prefix": {trusted, "spa", []string{"192.0.2.1, " + origin + ", 10.0.0.9"}, origin, origin},
		"in two values":  {trusted, "spa", []string{"192.0.2.1", origin}, origin, origin},
		"malformed":      {trusted, "spa", []string{origin + ", x"}, "127.0.0.1", "127.0.0.1:"},
		"missing":        {trusted, "spa", nil, "127.0.0.1", "127.0.0.1:"},

		"a confidential client": {trusted, "web", []string{origin}, "", origin},
	} {
		c.f.Events.Reset()
		ctx := c.f.As(t, c.client)
		for _, value := range c.forwarded {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-forwarded-for", value)
		}
		_, err := c.f.TokenService.Login(ctx, &signetv1.LoginRequest{Username: username, Password: "wrong"})
		events := c.f.Events.All()
		if status.Code(err) != codes.Unauthenticated || len(events) != 1 || events[0].IP != c.ip {
			t.Errorf("%s: %v, recorded %+v, want the address %q", name, err, events, c.ip)
		}
		if got, _ := c.f.Logs.Line(t, "call")["peer"].(string); !strings.HasPrefix(got, c.peer) {
			t.Errorf("%s: logged peer %q, want %q", name, got, c.peer)
		}
	}
}
