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

// parents returns the parent of every process (proc_pid_stat(5)). It omits
// zombies.
func parents(t *testing.T) map[int]string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[int]string)
	for _, path := range stats {
		text, _ := os.ReadFile(path) // the process may have ended
		_, after, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(after); len(fields) > 1 && fields[0] != "Z" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			all[pid] = fields[1]
		}
	}
	return all
}

// children returns the child processes of a process.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	for pid, its := range parents(t) {
		if its == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Rule 66: the process that hashes passwords has no environment and leaves no
// core dump. It ignores the signals that a terminal sends to all processes. It
// ends with the server, whatever ends the server.
func TestRule66_HashWorkerIsProtected(t *testing.T) {
	m := newMachine(t)
	p := m.start("--dev").ready()
	demo := m.demo()
	login := func() {
		ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
		defer cancel()
		r := &signetv1.LoginRequest{Username: demo.Username, Password: demo.Password}
		if _, err := tokens(t, demo.GRPC).Login(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	login()
	workers := children(t, p.c.Process.Pid)
	if len(workers) != 1 {
		t.Fatalf("the workers are %v, want one", workers)
	}
	proc := filepath.Join("/proc", strconv.Itoa(workers[0]))
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(proc, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if environ := read("environ"); environ != "" {
		t.Errorf("the environment is %q", environ)
	}
	if args := strings.Split(read("cmdline"), "\x00"); len(args) != 3 || args[1] != "hash-passwords" {
		t.Errorf("the command line is %q", args)
	}
	for line := range strings.Lines(read("limits")) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok && strings.Fields(rest)[1] != "0" {
			t.Errorf("core dumps are possible: %s", line)
		}
	}

	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		if err := syscall.Kill(workers[0], signal); err != nil {
			t.Fatal(err)
		}
	}
	login()
	if now := children(t, p.c.Process.Pid); len(now) != 1 || now[0] != workers[0] {
		t.Errorf("after the signals the workers are %v", now)
	}
	p.kill()
	if !eventually(func() bool { return parents(t)[workers[0]] == "" }) {
		t.Error("the worker runs without its server")
	}
}
