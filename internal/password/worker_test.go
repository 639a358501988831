package password

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asWorker makes this test program a worker.
const asWorker = "SIGNET_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) == "" {
		os.Exit(m.Run())
	}
	if err := Work(os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
}

// A crew is a Hasher that hashes in other processes, and those that it has started.
type crew struct {
	*Hasher
	log *bytes.Buffer

	mu      sync.Mutex
	started []*exec.Cmd
}

func newCrew(t *testing.T, cpus int, rest time.Duration) *crew {
	t.Helper()
	h, err := newHasher(cheap, 80<<20, cpus)
	must(t, err)
	c := &crew{Hasher: h, log: new(bytes.Buffer)}
	w := &workers{start: c.start, log: slog.New(slog.NewTextHandler(c.log, nil)), rest: rest}
	h.compute, h.close = w.compute, w.close
	t.Cleanup(h.Close)
	return c
}

func (c *crew) start() *exec.Cmd {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := exec.Command(os.Args[0])
	one.Env = []string{asWorker + "=1"}
	c.started = append(c.started, one)
	return one
}

// ends waits until the process of that number has ended.
func (c *crew) ends(t *testing.T, n int) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for range 10_000 {
		if c.started[n].Process.Signal(syscall.Signal(0)) != nil {
			return
		}
		<-look.C
	}
	t.Errorf("the process %d did not end", n)
}

// What another process computes is what this one does.
func TestWorkersComputeTheSame(t *testing.T) {
	c, here := newCrew(t, 2, time.Hour), hasher(t, cheap)
	for _, made := range []*Hasher{here, c.Hasher} {
		phc, err := made.Hash(t.Context(), "pass\u00e9")
		must(t, err)
		verify(t, c.Hasher, phc, "passe\u0301", true, false)
		verify(t, c.Hasher, phc, "passe", false, false)
	}
	for _, one := range imported {
		verify(t, c.Hasher, one.phc, one.password, true, true)
		verify(t, c.Hasher, one.phc, "x"+one.password, false, false)
	}
	verify(t, c.Hasher, "", "pass", false, false)
	if len(c.started) != 1 {
		t.Errorf("%d processes for one hash at a time", len(c.started))
	}
}

// There are as many as hashes at once.
func TestWorkersAreAsManyAsNeeded(t *testing.T) {
	c := newCrew(t, 3, time.Hour)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() { _, _, _ = c.Verify(t.Context(), "", "password") })
	}
	all.Wait()
	if n := len(c.started); n < 1 || n > 3 {
		t.Errorf("%d processes for 3 hashes at once", n)
	}
}

// Whoever kills a worker costs nobody a login, be it one that waits or one that has work.
func TestWorkerThatWasKilled(t *testing.T) {
	c := newCrew(t, 1, time.Hour)
	phc, err := c.Hash(t.Context(), "password")
	must(t, err)
	must(t, c.started[0].Process.Kill())
	verify(t, c.Hasher, phc, "password", true, false)
	stopped := c.started[1].Process
	must(t, stopped.Signal(syscall.SIGSTOP))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		verify(t, c.Hasher, phc, "password", true, false)
	}()
	must(t, stopped.Kill())
	<-ended
	if log := c.log.String(); len(c.started) != 3 || strings.Count(log, "\n") != 2 || strings.Contains(log, "argon2id") {
		t.Errorf("%d processes, logged %s", len(c.started), log)
	}
}

// Workers that always end make a Busy error, so that whoever logs in comes again.
func TestWorkersThatEnd(t *testing.T) {
	h, err := newHasher(Floor, 1<<30, 1)
	must(t, err)
	h.Apart(func() *exec.Cmd { return exec.Command("true") }, slog.New(slog.DiscardHandler))
	_, _, err = h.Verify(t.Context(), "", "password")
	if wantBusy(t, err).RetryAfter != time.Second || !errors.Is(err, errWorker) {
		t.Errorf("error %v", err)
	}
}

// Where no process can be started, hashing goes on in this one.
func TestNoWorkerCanBeStarted(t *testing.T) {
	h, err := newHasher(Floor, 1<<30, 1)
	must(t, err)
	var log bytes.Buffer
	h.Apart(func() *exec.Cmd { return exec.Command(filepath.Join(t.TempDir(), "none")) }, slog.New(slog.NewTextHandler(&log, nil)))
	for range 2 {
		phc, err := h.Hash(t.Context(), "password")
		must(t, err)
		if ok, _, err := h.Verify(t.Context(), phc, "password"); !ok || err != nil {
			t.Errorf("verified %v, %v", ok, err)
		}
	}
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("logged %s", log.String())
	}
}

// Who waits for work ends after a while, and when the Hasher is closed; who comes later gets a process anew.
func TestWorkersEnd(t *testing.T) {
	c := newCrew(t, 1, time.Millisecond)
	verify(t, c.Hasher, "", "password", false, false)
	c.ends(t, 0)
	c = newCrew(t, 1, time.Hour)
	verify(t, c.Hasher, "", "password", false, false)
	c.Close()
	c.ends(t, 0)
	verify(t, c.Hasher, "", "password", false, false)
	c.ends(t, 1)
}
