package oauth

import (
	"net/netip"
	"strings"
	"testing"
)

// Rule 54: the server uses X-Forwarded-For only if a trusted proxy sent it. The
// origin is its last address that is not a trusted proxy.
func TestRule54_Origin(t *testing.T) {
	proxies := Proxies{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48"),
		netip.MustParsePrefix("192.0.2.9/32"),
	}
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                    {"203.0.113.1", nil, "203.0.113.1"},
		"spoofed without a proxy":     {"203.0.113.1", []string{"198.51.100.7"}, "203.0.113.1"},
		"spoofed as a proxy":          {"203.0.113.1", []string{"10.0.0.1"}, "203.0.113.1"},
		"through one":                 {"10.0.0.1", []string{"198.51.100.7"}, "198.51.100.7"},
		"through one, spoofed before": {"10.0.0.1", []string{"192.0.2.1, 198.51.100.7"}, "198.51.100.7"},
		"through two":                 {"10.0.0.1", []string{"198.51.100.7,10.1.1.1"}, "198.51.100.7"},
		"through two, spoofed before": {"10.0.0.1", []string{"127.0.0.1, 198.51.100.7, 192.0.2.9"}, "198.51.100.7"},
		"a proxy spoofed before":      {"10.0.0.1", []string{"10.9.9.9, 198.51.100.7"}, "198.51.100.7"},
		"in two lines":                {"10.0.0.1", []string{"198.51.100.1", "198.51.100.7"}, "198.51.100.7"},
		"IPv6":                        {"2001:db8:1::5", []string{"2001:db8:2::7"}, "2001:db8:2::7"},
		"IPv4 as IPv6":                {"::ffff:10.0.0.1", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		"a zone":                      {"10.0.0.1", []string{"fe80::1%eth0"}, "fe80::1"},
		"proxies alone":               {"10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"a proxy without the header":  {"10.0.0.1", nil, "10.0.0.1"},
		"an empty value":              {"10.0.0.1", []string{""}, "10.0.0.1"},
		"no address":                  {"10.0.0.1", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		"no address, behind a proxy":  {"10.0.0.1", []string{"198.51.100.7, unknown, 10.0.0.2"}, "10.0.0.2"},
		"a port":                      {"10.0.0.1", []string{"198.51.100.7:4711"}, "10.0.0.1"},
		"brackets":                    {"10.0.0.1", []string{"[2001:db8:2::7]"}, "10.0.0.1"},
		"a line break":                {"10.0.0.1", []string{"198.51.100.7\n"}, "10.0.0.1"},
		"a comma at the end":          {"10.0.0.1", []string{"198.51.100.7,"}, "10.0.0.1"},
		"a leading zero":              {"10.0.0.1", []string{"198.51.100.07"}, "10.0.0.1"},
		"too many hops": {
			"10.0.0.1", []string{"198.51.100.7" + strings.Repeat(",10.0.0.2", 99)}, "10.0.0.2",
		},
	} {
		peer := netip.MustParseAddr(c.peer)
		if got := proxies.Origin(peer, c.forwarded); got != netip.MustParseAddr(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got := Proxies(nil).Origin(peer, c.forwarded); got != peer.Unmap() {
			t.Errorf("%s: %s, although no proxy is trusted", name, got)
		}
	}
	if got := proxies.Origin(netip.Addr{}, []string{"198.51.100.7"}); got.IsValid() {
		t.Errorf("a peer without an address is %s", got)
	}
}
