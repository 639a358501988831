package telemetry

import "time"

// Sources are the functions that provide the current values of metrics. Each
// scrape calls them. They must return quickly and must not query the store. A
// nil function omits its metrics.
type Sources struct {
	Ring    func() Ring
	Feed    func() Feed
	Hashing func() Hashing
	Pool    func() Pool
	Sweeper func() Sweeper
	// Sessions returns how many sessions of browsers the server holds.
	Sessions func() int
	// Listeners returns the state of each listener.
	Listeners func() []Listener
	// CertificateValidFor returns the time until the TLS certificate expires.
	CertificateValidFor func() time.Duration
	// DroppedLogLines returns how many log lines were dropped.
	DroppedLogLines func() uint64
}

// Ring is the state of this server's copy of the key ring.
type Ring struct {
	Version int64
	Age     time.Duration
	// Keys is the number of keys in each state.
	Keys map[KeyState]int
	// NextTransition is the time until the next key of an algorithm enters a
	// state.
	NextTransition map[KeyState]time.Duration
	// SignaturesWaiting is the number of requests that wait for a place in the
	// queue of RSA signatures.
	SignaturesWaiting int
}

// KeyState is a state of the keys of one algorithm.
type KeyState struct{ Algorithm, State string }

// Feed is the state of the feed of revocations.
type Feed struct {
	// Entries is how many revocations this server has.
	Entries int
	// Waiting is how many polls wait, of at most MaxWaiting.
	Waiting, MaxWaiting int
	// Position is the number of the newest revocation.
	Position int64
	// Age is the time since this server began to ask the store.
	Age time.Duration
}

// Hashing is the state of the memory budget for password hashes.
type Hashing struct {
	// Budget and InUse are in bytes. Waiting is the number of hashes that wait
	// for memory.
	Budget, InUse, Waiting int64
	// Hashes and Refused count hashes since the start of the process.
	Hashes, Refused uint64
}

// Listener is the state of one listener.
type Listener struct {
	// Name is http, grpc, gateway or ops.
	Name string
	// MaxConnections is the bound of open connections.
	MaxConnections, Connections int
	// Refused counts connections that were refused, by reason.
	Refused map[string]uint64
	// Requests is zero for a listener without a bound of requests.
	Requests Requests
}

// Requests is the state of the requests of one listener.
type Requests struct {
	// Max is the bound of the requests in progress, which are Open. Waiting is
	// how many of them wait for the rest of the request.
	Max, Open, Waiting int
	// Ended counts requests that were refused or displaced.
	Ended map[string]uint64
}

// Pool is the state of the pool of database connections.
type Pool struct {
	Max, Acquired, Idle int
	// Acquires counts acquired connections, Waits the acquisitions that had to
	// wait. Waited is the total time of these waits.
	Acquires, Waits int64
	Waited          time.Duration
}

// Sweeper is the state of the sweeper that removes expired rows.
type Sweeper struct {
	Passes, Failures uint64
	// Removed is the number of removed rows by table.
	Removed map[string]uint64
	// Grants is the number of grants by state, as counted by the last complete
	// pass. It is nil before the first one.
	Grants map[string]uint64
}
