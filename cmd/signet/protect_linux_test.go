package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user id that is not root's.
const nobody = 65534

// TestRule66_MemoryStaysInside: the running server leaves no core dump, and another process of the same user reads nothing of
// it: its files under /proc belong to root.
func TestRule66_MemoryStaysInside(t *testing.T) {
	m := newMachine(t)
	p := m.prepare("--dev")
	p.c.Path = copyProgram(t, m.dir)
	if os.Getuid() == 0 { // root reads everything: the server runs as somebody else
		p.c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := errors.Join(os.Chown(m.dir, nobody, nobody), os.Chmod(filepath.Dir(m.dir), 0o711)); err != nil {
			t.Fatal(err)
		}
	}
	p.run().ready()
	proc := filepath.Join("/proc", strconv.Itoa(p.c.Process.Pid))
	limits, err := os.ReadFile(filepath.Join(proc, "limits"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if fields := strings.Fields(strings.TrimPrefix(line, "Max core file size")); strings.HasPrefix(line, "Max core file size") &&
			(fields[0] != "0" || fields[1] != "0") {
			t.Errorf("core dumps are possible: %s", line)
		}
	}
	for _, name := range []string{"environ", "mem", "maps"} {
		info, err := os.Stat(filepath.Join(proc, name))
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
			t.Errorf("%s/%s belongs to the user %d", proc, name, owner)
		}
	}
	if n, _ := series(m.scrape(), "process_open_fds"); n < 5 {
		t.Errorf("the server counts %v open files of its own", n)
	}
}

// copyProgram puts this test program, under the name of the real one, where everybody may run it.
func copyProgram(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "signet")
	if os.Link(self, path) == nil {
		return path
	}
	from, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
