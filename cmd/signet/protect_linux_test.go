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

// nobody is the id of a user other than root.
const nobody = 65534

// Rule 66: the server leaves no core dump, and another process of the same user
// cannot read its memory: the files under /proc belong to root.
func TestRule66_ProcessMemoryIsProtected(t *testing.T) {
	m := newMachine(t)
	p := m.prepare("--dev")
	p.c.Path = copyProgram(t, m.dir)
	if os.Getuid() == 0 { // root can read everything, so the server runs as another user
		p.c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		err := errors.Join(os.Chown(m.dir, nobody, nobody), os.Chmod(filepath.Dir(m.dir), 0o711))
		if err != nil {
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
		rest, ok := strings.CutPrefix(line, "Max core file size")
		if fields := strings.Fields(rest); ok && (fields[0] != "0" || fields[1] != "0") {
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
		t.Errorf("the server counts %v open files", n)
	}
}

// copyProgram puts this test program under the name signet into a directory
// where every user may run it.
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
