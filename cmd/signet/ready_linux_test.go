package main

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// While the server cannot write to its SQLite file, as on a full disk, it is
// not ready. It is ready again when it can write.
func TestReady_NeedsDiskThatTakesWrites(t *testing.T) {
	if testing.Short() {
		t.Skip("the server is ready for five seconds after its last write")
	}
	t.Parallel() // it mostly waits
	m := newDemoMachine(t)
	p := m.start("--dev").ready()
	ready := func() bool { return statusAt("http://"+m.ops+"/readyz") == http.StatusOK }

	p.limitFileSize(t, 1)
	if !eventually(func() bool { return !ready() }) {
		t.Error("the server is ready although it cannot write")
	}
	if !strings.Contains(p.log.String(), "the store does not accept writes") {
		t.Error("the log does not have the cause")
	}
	p.limitFileSize(t, unix.RLIM_INFINITY)
	if !eventually(ready) {
		t.Error("the server is not ready although it can write again")
	}
}

// limitFileSize sets the size to which the server may extend a file. Writes
// above it fail.
func (p *process) limitFileSize(t *testing.T, size uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(p.c.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}
