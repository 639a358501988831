package rpc_test

import (
	"fmt"
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
// Rule 54: If the proxy reports no address, no address is counted.
func TestRule54_ForwardedFor(t *testing.T) {
	untrusted := newServer(t, trustProxies("", "10.0.0.0/8"))
	trusted := newServer(t, trustProxies("", "127.0.0.0/8", "10.0.0.0/8"))
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
		"with ports":     {trusted, "spa", []string{origin + ":4711, 10.0.0.9:80"}, origin, origin},
		"malformed":      {trusted, "spa", []string{origin + ", x"}, "", "127.0.0.1:"},
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

// Rule 54: If a public client's users come through a proxy that reports their
// addresses with ports, or in Forwarded, the failed logins of one of them do
// not throttle the others. If the proxy reports no address, nobody is throttled
// by address.
func TestRule54_GuesserBehindAProxy(t *testing.T) {
	for name, c := range map[string]struct {
		header, sent   string // the setting, and the header that the proxy sends
		guesser, other string
		throttled      bool
	}{
		"ports":            {"", "x-forwarded-for", "198.51.100.7:4711", "203.0.113.9:4711", true},
		"IPv6 with ports":  {"", "x-forwarded-for", "[2001:db8:1::7]:1", "[2001:db8:2::7]:1", true},
		"Forwarded":        {oauth.HeaderForwarded, "forwarded", `for="198.51.100.7:1"`, "for=203.0.113.9", true},
		"unknown":          {oauth.HeaderForwarded, "forwarded", "for=unknown", "for=unknown", false},
		"the other header": {"", "forwarded", "for=198.51.100.7", "for=203.0.113.9", false},
	} {
		f := newServer(t, trustProxies(c.header, "127.0.0.1/32"))
		attempt := func(from string, n int) string {
			t.Helper()
			ctx := metadata.AppendToOutgoingContext(f.As(t, "spa"), c.sent, from)
			_, err := f.TokenService.Login(ctx, &signetv1.LoginRequest{
				Username: fmt.Sprint("nobody", n), Password: "wrong",
			})
			return reason(err)
		}
		const attempts = 40 // more than an address has
		throttled := false
		for n := range attempts {
			throttled = throttled || attempt(c.guesser, n) == "SLOW_DOWN"
		}
		if throttled != c.throttled {
			t.Errorf("%s: the guesser is throttled: %v", name, throttled)
		}
		if got := attempt(c.other, attempts); got != "INVALID_GRANT" {
			t.Errorf("%s: another user's login: %s, want INVALID_GRANT", name, got)
		}
	}
}

// trustProxies returns a function that sets the trusted proxies.
func trustProxies(header string, networks ...string) func(*rpc.Options) {
	return func(o *rpc.Options) {
		o.Proxies.Header = header
		for _, text := range networks {
			o.Proxies.Networks = append(o.Proxies.Networks, netip.MustParsePrefix(text))
		}
	}
}
