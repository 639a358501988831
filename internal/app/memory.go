package app

import (
	"os"
	"runtime/debug"

	"github.com/signetd/signet/internal/password"
)

// gcPercent is the garbage collector's target, in percent of the live heap. The
// live heap of a server is about 4 MiB. With Go's default of 100 the collector
// would run thirty times a second.
const gcPercent = 800

// LimitMemory sets the garbage collector for a server, unless GOGC or
// GOMEMLIMIT is set. The collector may use half of the memory limit of the
// control group. The other half is for password hashing and for memory outside
// Go's heap, such as SQLite's cache.
func LimitMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapShare(password.MemoryLimit()))
	}
}

// heapShare returns the part of the memory that Go's heap may use.
func heapShare(memory int64) int64 { return memory / 2 }
