package oauth

import (
	"net/netip"
	"strings"
	"testing"
)

// testProxies are the networks of the trusted proxies in these tests.
var testProxies = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48"),
	netip.MustParsePrefix("192.0.2.9/32"),
}

// headers returns a function that returns the values of the headers in all.
func headers(all map[string][]string) func(string) []string {
	return func(name string) []string { return all[name] }
}

// Rule 54: the server uses X-Forwarded-For only if a trusted proxy sent it. The
// origin is its last address that is not a trusted proxy. It is not known if a
// trusted proxy reports no address.
func TestRule54_Origin(t *testing.T) {
	proxies := Proxies{Networks: testProxies, Header: HeaderXForwardedFor}
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                    {"203.0.113.1", nil, "203.0.113.1"},
		"spoofed without a proxy":     {"203.0.113.1", []string{"198.51.100.7"}, "203.0.113.1"},
		"spoofed as a proxy":          {"203.0.113.1", []string{"10.0.0.1"}, "203.0.113.1"},
		"malformed without a proxy":   {"203.0.113.1", []string{"unknown"}, "203.0.113.1"},
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

		"a port":                    {"10.0.0.1", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		"a port, spoofed before":    {"10.0.0.1", []string{"192.0.2.1:1, 198.51.100.7:4711"}, "198.51.100.7"},
		"ports through two":         {"10.0.0.1", []string{"198.51.100.7:4711, 10.0.0.2:80"}, "198.51.100.7"},
		"IPv6 with a port":          {"10.0.0.1", []string{"[2001:db8:2::7]:443"}, "2001:db8:2::7"},
		"a proxy's IPv6 and a port": {"10.0.0.1", []string{"198.51.100.7, [2001:db8:1::9]:443"}, "198.51.100.7"},
		"a zone and a port":         {"10.0.0.1", []string{"[fe80::1%eth0]:443"}, "fe80::1"},
		"IPv4 as IPv6 with a port":  {"10.0.0.1", []string{"[::ffff:198.51.100.7]:443"}, "198.51.100.7"},
		"brackets":                  {"10.0.0.1", []string{"[2001:db8:2::7]"}, "2001:db8:2::7"},
		"quotes":                    {"10.0.0.1", []string{`"[2001:db8:2::7]:443"`}, "2001:db8:2::7"},
		"a quote spoofed before":    {"10.0.0.1", []string{`"192.0.2.1, 198.51.100.7, 10.0.0.2`}, "198.51.100.7"},

		"no address":                 {"10.0.0.1", []string{"198.51.100.7, unknown"}, ""},
		"no address, behind a proxy": {"10.0.0.1", []string{"198.51.100.7, unknown, 10.0.0.2"}, ""},
		"a name":                     {"10.0.0.1", []string{"host.example"}, ""},
		"a Unix socket of nginx":     {"10.0.0.1", []string{"192.0.2.1, unix:"}, ""},
		"a line break":               {"10.0.0.1", []string{"198.51.100.7\n"}, ""},
		"a comma at the end":         {"10.0.0.1", []string{"198.51.100.7,"}, ""},
		"an empty last line":         {"10.0.0.1", []string{"198.51.100.7", ""}, ""},
		"a leading zero":             {"10.0.0.1", []string{"198.51.100.07"}, ""},
		"a port beyond 65535":        {"10.0.0.1", []string{"198.51.100.7:65536"}, ""},
		"an empty port":              {"10.0.0.1", []string{"198.51.100.7:"}, ""},
		"IPv4 in brackets":           {"10.0.0.1", []string{"[198.51.100.7]:80"}, ""},
		"brackets alone":             {"10.0.0.1", []string{"[]"}, ""},

		"too many hops": {
			"10.0.0.1", []string{"198.51.100.7" + strings.Repeat(",10.0.0.2", 99)}, "10.0.0.2",
		},
	} {
		peer := netip.MustParseAddr(c.peer)
		values := headers(map[string][]string{HeaderXForwardedFor: c.forwarded})
		if got := proxies.Origin(peer, values); got != parsed(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got := (Proxies{}).Origin(peer, values); got != peer.Unmap() {
			t.Errorf("%s: %s, although no proxy is trusted", name, got)
		}
	}
	values := headers(map[string][]string{HeaderXForwardedFor: {"198.51.100.7"}})
	if got := proxies.Origin(netip.Addr{}, values); got.IsValid() {
		t.Errorf("a peer without an address is %s", got)
	}
}

// Rule 54: the header Forwarded (RFC 7239) has the same effect. A caller cannot
// hide the elements that the proxies append to it.
func TestRule54_OriginInForwarded(t *testing.T) {
	proxies := Proxies{Networks: testProxies, Header: HeaderForwarded}
	for name, c := range map[string]struct {
		forwarded []string
		want      string
	}{
		"IPv4":                   {[]string{"for=198.51.100.7"}, "198.51.100.7"},
		"IPv4 and a port":        {[]string{`for="198.51.100.7:4711"`}, "198.51.100.7"},
		"a port without quotes":  {[]string{"for=198.51.100.7:4711"}, "198.51.100.7"},
		"IPv6":                   {[]string{`for="[2001:db8:cafe::17]"`}, "2001:db8:cafe::17"},
		"IPv6 and a port":        {[]string{`for="[2001:db8:cafe::17]:4711";proto=https`}, "2001:db8:cafe::17"},
		"IPv6 without quotes":    {[]string{"for=[2001:db8:cafe::17]"}, "2001:db8:cafe::17"},
		"an obfuscated port":     {[]string{`for="[2001:db8:cafe::17]:_p.1"`}, "2001:db8:cafe::17"},
		"IPv4 as IPv6":           {[]string{`for="[::ffff:198.51.100.7]:1"`}, "198.51.100.7"},
		"other parameters":       {[]string{`proto=https; FOR="198.51.100.7" ;host="a,b;for=x";by=_me`}, "198.51.100.7"},
		"an escape":              {[]string{`host="a\",for=192.0.2.1";for="198\.51.100.7"`}, "198.51.100.7"},
		"an escaped backslash":   {[]string{`host="a\\";for=198.51.100.7`}, "198.51.100.7"},
		"a semicolon at the end": {[]string{"for=198.51.100.7;"}, "198.51.100.7"},

		"a list":                       {[]string{"for=192.0.2.1, for=198.51.100.7"}, "198.51.100.7"},
		"several lines":                {[]string{"for=192.0.2.1", "for=198.51.100.7"}, "198.51.100.7"},
		"through two":                  {[]string{`for=198.51.100.7, for="10.0.0.2:80";by=10.0.0.1`}, "198.51.100.7"},
		"through two, in lines":        {[]string{"for=192.0.2.1", "for=198.51.100.7", "for=10.0.0.2"}, "198.51.100.7"},
		"proxies alone":                {[]string{`for=10.0.0.3,for="[2001:db8:1::1]"`}, "10.0.0.3"},
		"an open quote before":         {[]string{`for="192.0.2.1, for=198.51.100.7`}, "198.51.100.7"},
		"an open quote, through two":   {[]string{`for="192.0.2.1, for=198.51.100.7, for="10.0.0.2:1"`}, "198.51.100.7"},
		"an open quote, quoted after":  {[]string{`for="192.0.2.1`, `for="198.51.100.7:1"`}, "198.51.100.7"},
		"a backslash before":           {[]string{`for="192.0.2.1\`, `for="198.51.100.7:1"`}, "198.51.100.7"},
		"a malformed element before":   {[]string{"x, for=198.51.100.7"}, "198.51.100.7"},
		"an element without for":       {[]string{"for=198.51.100.7, proto=https"}, ""},
		"for twice":                    {[]string{"for=192.0.2.1;for=198.51.100.7"}, ""},
		"unknown":                      {[]string{"for=198.51.100.7, for=unknown"}, ""},
		"an obfuscated node":           {[]string{"for=198.51.100.7, for=_hidden"}, ""},
		"an obfuscated node and port":  {[]string{`for="_hidden:_80"`}, ""},
		"unknown before the proxy":     {[]string{"for=198.51.100.7, for=unknown, for=10.0.0.2"}, ""},
		"an open quote at the end":     {[]string{`for="198.51.100.7`}, ""},
		"no parameter":                 {[]string{"198.51.100.7"}, ""},
		"an empty element at the end":  {[]string{"for=198.51.100.7,"}, ""},
		"an empty value":               {[]string{"for="}, ""},
		"an address in quotes, spaces": {[]string{`for=" 198.51.100.7"`}, ""},
		"none":                         {nil, "10.0.0.1"},
	} {
		values := headers(map[string][]string{HeaderForwarded: c.forwarded})
		if got := proxies.Origin(netip.MustParseAddr("10.0.0.1"), values); got != parsed(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		stranger := netip.MustParseAddr("203.0.113.1")
		if got := proxies.Origin(stranger, values); got != stranger {
			t.Errorf("%s: %s, although the peer is not a proxy", name, got)
		}
	}
}

// Rule 54: a caller cannot choose its address in the header that the proxies do
// not set. If it is the only one, the settings are wrong: the address of the
// proxy would stand for all its callers, so the origin is not known.
func TestRule54_OtherHeaderIsIgnored(t *testing.T) {
	for _, c := range []struct{ header, own, spoofed, other string }{
		{"", HeaderXForwardedFor, "for=192.0.2.1", HeaderForwarded},
		{HeaderXForwardedFor, HeaderXForwardedFor, "for=192.0.2.1", HeaderForwarded},
		{HeaderForwarded, HeaderForwarded, "192.0.2.1", HeaderXForwardedFor},
	} {
		proxies, all := Proxies{testProxies, c.header}, map[string][]string{c.other: {c.spoofed}}
		proxy := netip.MustParseAddr("10.0.0.1")
		if got := proxies.Origin(proxy, headers(all)); got.IsValid() {
			t.Errorf("%q: %s alone: got %s, want no address", c.header, c.other, got)
		}
		all[c.own] = []string{map[string]string{HeaderForwarded: "for="}[c.own] + "198.51.100.7"}
		if got := proxies.Origin(proxy, headers(all)); got != netip.MustParseAddr("198.51.100.7") {
			t.Errorf("%q: both headers: got %s, want that of %s", c.header, got, c.own)
		}
	}
}

// Rule 54: whatever a caller sends, the origin is the address that the proxy
// has appended, in the caller's line or in another one.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{
		"", "192.0.2.1", `for="192.0.2.1`, `for="192.0.2.1\`, `"`, `\`, ",", ";", `for=192.0.2.1;`, `x="\"`, "[::1]:1",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, sent string, sameLine bool) {
		const caller = "198.51.100.7"
		for header, appended := range map[string]string{
			HeaderXForwardedFor: caller + ":4711", HeaderForwarded: `for="` + caller + `:4711";proto=https`,
		} {
			lines := []string{sent, appended}
			if sameLine {
				lines = []string{sent + ", " + appended}
			}
			values := headers(map[string][]string{header: lines})
			got := Proxies{testProxies, header}.Origin(netip.MustParseAddr("10.0.0.1"), values)
			if got != netip.MustParseAddr(caller) {
				t.Fatalf("%s %q: %s, want %s", header, lines, got, caller)
			}
		}
	})
}

// parsed returns the address, or the zero address for an empty text.
func parsed(text string) netip.Addr {
	addr, _ := netip.ParseAddr(text)
	return addr
}
