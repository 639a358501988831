package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/signetd/signet/internal/password"
)

const (
	// maxGCPercent is the garbage collector's target for a small heap, in
	// percent of what is live. The live heap of a server is about 4 MiB. With
	// Go's default of 100 the collector would run thirty times a second.
	maxGCPercent = 800
	// minGCPercent is the target for much live memory. Of 2,000 requests in
	// progress, half of it is stacks, which are not collected. So this target
	// is the same as Go's default for the heap alone.
	minGCPercent = 50
	// maxGarbage is the garbage that justifies more than minGCPercent, in
	// bytes. With 2,000 requests in progress, 100 MiB are live, and 800 % of
	// that would be more than a small server has.
	maxGarbage = 64 << 20
)

// LimitMemory sets the garbage collector for a server, unless GOGC or
// GOMEMLIMIT is set. The collector may use half of the memory limit of the
// control group. The other half is for password hashing and for memory outside
// Go's heap, such as SQLite's cache.
func LimitMemory() {
	if collectorIsFree() {
		debug.SetGCPercent(maxGCPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapShare(password.MemoryLimit()))
	}
}

// collectorIsFree reports whether the environment leaves the target of the
// garbage collector to the server.
func collectorIsFree() bool { return os.Getenv("GOGC") == "" }

// heapShare returns the part of the memory that Go's heap may use.
func heapShare(memory int64) int64 { return memory / 2 }

// adjustCollector lowers the target of the garbage collector while much memory
// is live. It does so after each collection, until ctx is done.
func adjustCollector(ctx context.Context) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	current := maxGCPercent
	afterCollections(ctx, func() {
		metrics.Read(live)
		if p := gcPercentFor(live[0].Value.Uint64() + live[1].Value.Uint64()); p != current {
			current = p
			debug.SetGCPercent(p)
		}
	})
}

// garbage is an object that nothing refers to. Its size keeps it from sharing
// its memory with other small objects.
type garbage [64]byte

// afterCollections calls f after each garbage collection, until ctx is done.
// The runtime then runs the finalizers of what it has found to be garbage.
func afterCollections(ctx context.Context, f func()) {
	var next func(*garbage)
	next = func(g *garbage) {
		if ctx.Err() == nil {
			f()
			runtime.SetFinalizer(g, next)
		}
	}
	runtime.SetFinalizer(new(garbage), next)
}

// gcPercentFor returns the target of the garbage collector for that many live
// bytes. It is a multiple of 50, because each change stops all goroutines for a
// moment.
func gcPercentFor(live uint64) int {
	percent := maxGarbage * 100 / max(1, live)
	return int(min(maxGCPercent, max(minGCPercent, percent/50*50)))
}
