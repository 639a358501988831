package app

import (
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
)

const (
	// memoryPerConnection is the part of the heap that allows one connection
	// to the HTTP API and one to the gRPC API. An idle connection needs about a
	// quarter of it.
	memoryPerConnection = 128 << 10
	// memoryPerRequest is the part of the heap that allows one request at each
	// API. A request that waits for its caller needs up to 100 KiB, for a body
	// and headers that are nearly complete, but only a quarter of the requests
	// may wait for more than a second.
	memoryPerRequest = 64 << 10
	// maxOpsStreams is the number of requests on one connection to the
	// operations server.
	maxOpsStreams = 16
	// addressShare is the part of a listener's connections that one address
	// may have.
	addressShare = 4
	// maxOpsConnections is the maximum number of connections to the operations
	// server.
	maxOpsConnections = 64
	// maxGatewayConnections is the maximum number of connections to the server
	// for gateways, which have few of them and many requests on each.
	maxGatewayConnections = 1024
	// minConnections is the number of connections below which a server does
	// not start.
	minConnections = 16
)

// The descriptors that connections cannot use.
const (
	// otherDescriptors are for the log, the listeners, files that are read
	// again, the export of traces and the resolver of names.
	otherDescriptors = 48
	// hashingDescriptors are for the worker processes of one CPU.
	hashingDescriptors = 8
	// sqliteDescriptors are for the connections to the file. Each has up to
	// three files open.
	sqliteDescriptors = 24
)

// limits are the bounds of the listeners of a server.
type limits struct {
	// connections is the bound of the HTTP listener, and that of the gRPC
	// listener.
	connections int
	// requests is the bound of the requests in progress at the HTTP API, and of
	// those at the gRPC API.
	requests int
	// opsConnections is the bound of the operations listener.
	opsConnections int
	// gatewayConnections is the bound of the listener for gateways, and that of
	// its requests in progress. Zero means that there is no such listener.
	gatewayConnections int
}

// newLimits returns the limits for a heap of that many bytes and a process that
// may open that many descriptors. The store needs storeDescriptors of them.
// gateway is true if there is a listener for gateways. It returns an error if
// too few descriptors remain for connections.
func newLimits(heap int64, descriptors uint64, storeDescriptors, cpus int, gateway bool) (limits, error) {
	open := int(min(descriptors, math.MaxInt32))
	reserved := otherDescriptors + storeDescriptors + cpus*hashingDescriptors
	if gateway {
		reserved += minConnections
	}
	// The operations server has an eighth of the descriptors, or less.
	if least := (reserved + 2*minConnections) * 8 / 7; open < least {
		return limits{}, fmt.Errorf("the process may open only %d files (RLIMIT_NOFILE): allow it at least %d, "+
			"or 65536 for many connections", open, least)
	}
	l := limits{opsConnections: min(maxOpsConnections, open/8)}
	byDescriptors := (open - reserved - l.opsConnections) / 2
	byMemory := max(minConnections, heap/memoryPerConnection)
	l.connections = int(min(int64(byDescriptors), byMemory))
	l.requests = int(max(minConnections, min(heap/memoryPerRequest, math.MaxInt32)))
	if gateway { // it takes its connections from the others
		l.gatewayConnections = max(minConnections, min(maxGatewayConnections, l.connections/4))
		l.connections = max(minConnections, l.connections-l.gatewayConnections/2)
	}
	return l, nil
}

// readLimits returns the limits of this process.
func readLimits(c config.Config) (limits, error) {
	var descriptors unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &descriptors); err != nil {
		return limits{}, fmt.Errorf("read the limit of open files: %w", err)
	}
	forStore := c.Store.MaxConns
	if _, file := c.Store.SQLite(); file {
		forStore = sqliteDescriptors
	}
	// LimitMemory or the environment has set the limit of the heap. Without
	// any, it is the largest integer.
	heap := min(debug.SetMemoryLimit(-1), heapShare(password.MemoryLimit()))
	return newLimits(heap, descriptors.Cur, forStore, runtime.NumCPU(), c.Gateway.Address != "")
}

// forCallers returns the limits of the HTTP listener, and those of the gRPC
// listener. All connections of a trusted proxy have its address.
func (l limits) forCallers(proxies config.Prefixes) connlimit.Limits {
	return connlimit.Limits{
		Max: l.connections, PerAddress: l.connections / addressShare,
		ExemptAddress: func(a netip.Addr) bool { return oauth.Proxies{Networks: proxies}.Has(a) },
	}
}

// newRequests returns the bound of the requests of an API.
func (l limits) newRequests() *connlimit.Requests { return connlimit.NewRequests(l.requests) }

// maxOpenStreams is the bound of the gRPC calls in progress and of those whose
// responses the clients have not read.
func (l limits) maxOpenStreams() int { return l.requests + l.requests/4 }

// forStreams returns the limits of the calls that last as long as the caller
// wants. Together with the requests that wait for their callers, they are at
// most half of all requests.
func (l limits) forStreams(proxies config.Prefixes) connlimit.Limits {
	all := l.forCallers(proxies)
	all.Max = l.requests / 4
	all.PerAddress = max(1, all.Max/addressShare)
	return all
}

// maxPolls returns how many polls of the revocation feed may wait at the two
// APIs together, if the configuration allows so many: at most half of the
// connections of one API, so that the polls leave connections to other callers,
// and a quarter of the requests. Together with streams and with the requests
// that wait for their callers, they are at most three quarters of all requests.
func (l limits) maxPolls(configured int) int {
	return max(1, min(configured, l.connections/2, l.requests/4))
}

// forGateways returns the limits of the listener for gateways. One gateway may
// have all connections.
func (l limits) forGateways() connlimit.Limits {
	return connlimit.Limits{Max: l.gatewayConnections, PerAddress: l.gatewayConnections}
}

// newGatewayRequests returns the bound of the requests of gateways.
func (l limits) newGatewayRequests() *connlimit.Requests {
	return connlimit.NewRequests(l.gatewayConnections)
}

// forOps returns the limits of the operations listener.
func (l limits) forOps() connlimit.Limits {
	return connlimit.Limits{Max: l.opsConnections, PerAddress: max(1, l.opsConnections/2)}
}
