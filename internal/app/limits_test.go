package app

import (
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/signetd/signet/config"
)

// The limits follow from the memory and the descriptors, whichever allows
// fewer connections.
func TestNewLimits(t *testing.T) {
	const all = math.MaxInt32
	for name, c := range map[string]struct {
		heap        int64
		descriptors uint64
		gateway     bool
		want        limits
	}{
		"256 MiB": {128 << 20, 65536, false, limits{connections: 1024, requests: 2048, opsConnections: 64}},
		"unlimited files": {
			128 << 20, math.MaxUint64, false,
			limits{connections: 1024, requests: 2048, opsConnections: 64},
		},
		"1,024 files":   {math.MaxInt64, 1024, false, limits{connections: 440, requests: all, opsConnections: 64}},
		"256 files":     {math.MaxInt64, 256, false, limits{connections: 72, requests: all, opsConnections: 32}},
		"little memory": {1 << 20, 65536, false, limits{connections: 16, requests: 16, opsConnections: 64}},
		"gateways": {
			128 << 20, 65536, true,
			limits{connections: 896, requests: 2048, opsConnections: 64, gatewayConnections: 256},
		},
		"gateways and little memory": {
			1 << 20, 65536, true, limits{connections: 16, requests: 16, opsConnections: 64, gatewayConnections: 16},
		},
	} {
		got, err := newLimits(c.heap, c.descriptors, 16, 2, c.gateway)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", name, got, err, c.want)
		}
	}
}

// The error for too few descriptors has a number that is enough.
func TestNewLimits_TooFewDescriptors(t *testing.T) {
	if _, err := newLimits(128<<20, 64, 16, 2, false); err == nil || !strings.Contains(err.Error(), "at least 128,") {
		t.Errorf("64 files: %v", err)
	}
	if _, err := newLimits(128<<20, 128, 16, 2, false); err != nil {
		t.Error(err)
	}
}

// Polls leave at least half of the connections, and a quarter of the requests,
// to other callers.
func TestLimits_MaxPolls(t *testing.T) {
	for _, c := range []struct {
		connections, requests, configured, want int
	}{
		{1024, 2048, 10000, 512},
		{1024, 2048, 100, 100},
		{1024, 1024, 10000, 256},
		{16, 16, 10000, 4},
		{math.MaxInt32, math.MaxInt32, 10000, 10000},
	} {
		l := limits{connections: c.connections, requests: c.requests}
		if got := l.maxPolls(c.configured); got != c.want {
			t.Errorf("%+v: %d polls may wait, want %d", c, got, c.want)
		}
	}
}

// A trusted proxy may have all connections, and another address a quarter.
func TestLimits_ForCallers(t *testing.T) {
	l := limits{connections: 1024}.forCallers(config.Prefixes{netip.MustParsePrefix("10.0.0.0/8")})
	if l.Max != 1024 || l.PerAddress != 256 || !l.ExemptAddress(netip.MustParseAddr("10.1.2.3")) ||
		l.ExemptAddress(netip.MustParseAddr("192.0.2.1")) {
		t.Errorf("%+v", l)
	}
}
