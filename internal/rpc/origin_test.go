package rpc

import (
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 54: x-forwarded-for counts when a trusted proxy says it, and nobody else's does.
func TestRule54_ForwardedFor(t *testing.T) {
	var events []audit.Event
	record := func(e audit.Event) error { events = append(events, e); return nil }
	stranger := openHouse(t, func(o *Options) { o.Proxies = oauth.Proxies{netip.MustParsePrefix("10.0.0.0/8")} })
	proxy := openHouse(t, func(o *Options) {
		o.Proxies = oauth.Proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	for name, c := range map[string]struct {
		h         *house
		client    string
		forwarded []string
		ip        string // what the audit log has
		peer      string // how the log line begins
	}{
		"untrusted peer":        {stranger, "spa", []string{"198.51.100.7"}, "127.0.0.1", "127.0.0.1:"},
		"trusted":               {proxy, "spa", []string{"198.51.100.7"}, "198.51.100.7", "198.51.100.7"},
		"spoofed before it":     {proxy, "spa", []string{"192.0.2.1, 198.51.100.7, 10.0.0.9"}, "198.51.100.7", "198.51.100.7"},
		"in two values":         {proxy, "spa", []string{"192.0.2.1", "198.51.100.7"}, "198.51.100.7", "198.51.100.7"},
		"malformed":             {proxy, "spa", []string{"198.51.100.7, x"}, "127.0.0.1", "127.0.0.1:"},
		"nothing":               {proxy, "spa", nil, "127.0.0.1", "127.0.0.1:"},
		"a confidential client": {proxy, "web", []string{"198.51.100.7"}, "", "198.51.100.7"},
	} {
		events = nil
		c.h.audit.Store(&record)
		ctx := metadata.AppendToOutgoingContext(c.h.as(t, c.client))
		for _, value := range c.forwarded {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-forwarded-for", value)
		}
		_, err := c.h.tokens.Login(ctx, &signetv1.LoginRequest{Username: username, Password: "wrong"})
		if status.Code(err) != codes.Unauthenticated || len(events) != 1 || events[0].IP != c.ip {
			t.Errorf("%s: %v, recorded %+v, want the address %q", name, err, events, c.ip)
		}
		if got, _ := c.h.logs.line(t, "call")["peer"].(string); !strings.HasPrefix(got, c.peer) {
			t.Errorf("%s: logged as from %q, want %q", name, got, c.peer)
		}
	}
}
