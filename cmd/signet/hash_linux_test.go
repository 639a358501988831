package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// parents returns the processes there are, and the parent of each (proc_pid_stat(5)). One that has ended and that nobody has
// asked about is none.
func parents(t *testing.T) map[int]string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[int]string)
	for _, path := range stats {
		text, _ := os.ReadFile(path) // it may have ended
		_, after, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(after); len(fields) > 1 && fields[0] != "Z" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			all[pid] = fields[1]
		}
	}
	return all
}

// children returns who has the process for a parent.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	for pid, its := range parents(t) {
		if its == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestRule66_WhoHashesIsAsWellProtected: passwords are hashed in a process that has nothing of the server's environment, leaves
// no core dump, is not ended by a signal that all processes get, and ends with the server however that ends.
func TestRule66_WhoHashesIsAsWellProtected(t *testing.T) {
	m := newMachine(t)
	p := m.start("--dev").ready()
	facts := m.facts()
	logIn := func() {
		ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
		defer cancel()
		if _, err := tokens(t, facts.GRPC).Login(ctx, &signetv1.LoginRequest{Username: facts.Username, Password: facts.Password}); err != nil {
			t.Fatal(err)
		}
	}
	logIn()
	hashing := children(t, p.c.Process.Pid)
	if len(hashing) != 1 {
		t.Fatalf("the processes %v hash", hashing)
	}
	proc := filepath.Join("/proc", strconv.Itoa(hashing[0]))
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(proc, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if environ := read("environ"); environ != "" {
		t.Errorf("its environment is %q", environ)
	}
	if args := strings.Split(read("cmdline"), "\x00"); len(args) != 3 || args[1] != "hash-passwords" {
		t.Errorf("it was called as %q", args)
	}
	for line := range strings.Lines(read("limits")) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok && strings.Fields(rest)[1] != "0" {
			t.Errorf("core dumps are possible: %s", line)
		}
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGINT} {
		if err := syscall.Kill(hashing[0], signal); err != nil {
			t.Fatal(err)
		}
	}
	logIn()
	if now := children(t, p.c.Process.Pid); len(now) != 1 || now[0] != hashing[0] {
		t.Errorf("after a signal %v hash", now)
	}
	p.kill()
	if !eventually(func() bool { return parents(t)[hashing[0]] == "" }) {
		t.Error("it outlives the server")
	}
}
