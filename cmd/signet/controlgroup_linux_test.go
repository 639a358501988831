package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"
)

// raceDetector reports whether this program was built with the race detector.
func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// memoryDir returns a directory in memory if there is one, else any directory.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "signet-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// startInSmallMemory starts the server in a control group with little memory.
// If this process cannot create one, settings have the same effect.
func (m *machine) startInSmallMemory(t *testing.T) *process {
	group, err := newControlGroup(t)
	if err != nil {
		t.Logf("no control group (%v): settings limit the memory", err)
		m.env = append(m.env, "SIGNET_PASSWORD_MEMORY_BUDGET=128MiB", fmt.Sprint("GOMEMLIMIT=", floodMemory/5*4))
		return m.start("--dev")
	}
	p := m.prepare("--dev")
	const script = `echo $$ >"$0/cgroup.procs" && exec "$@"`
	enter := exec.Command("sh", append([]string{"-c", script, group}, p.c.Args...)...)
	p.c.Path, p.c.Args = enter.Path, enter.Args
	return p.run()
}

// newControlGroup creates a control group below that of this process, for
// cgroup v1 or v2, and limits its memory to floodMemory.
func newControlGroup(t *testing.T) (dir string, err error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for _, kind := range []struct{ line, root, file string }{
		{`(?m)^[0-9]+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$`, "/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{`(?m)^0::(.*)$`, "/sys/fs/cgroup", "memory.max"},
	} {
		own := regexp.MustCompile(kind.line).FindSubmatch(text)
		if own == nil {
			continue
		}
		dir = filepath.Join(kind.root, string(own[1]), fmt.Sprintf("signet-test-%d", os.Getpid()))
		if err = os.Mkdir(dir, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() { eventually(func() bool { return os.Remove(dir) == nil }) })
		if err = os.WriteFile(filepath.Join(dir, kind.file), []byte(strconv.Itoa(floodMemory)), 0o644); err == nil {
			return dir, nil
		}
	}
	return "", err
}

// measureStalls starts the program stalls. The returned function stops it and
// returns the longest time that it waited for a CPU.
func measureStalls(t *testing.T) func() time.Duration {
	t.Helper()
	c := exec.Command("stalls")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func() time.Duration {
		_ = in.Close()
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		longest, err := time.ParseDuration(out.String())
		if err != nil {
			t.Fatal(err)
		}
		return longest
	}
}

// peakMemory returns the peak resident memory of a process
// (proc_pid_status(5)).
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^VmHWM:\s+([0-9]+) kB$`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("the status has no VmHWM: %s", text)
	}
	kib, _ := strconv.ParseInt(string(found[1]), 10, 64)
	return kib << 10
}
