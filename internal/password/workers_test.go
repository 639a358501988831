package password

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// workerEnv is the environment variable that makes the test program a worker.
const workerEnv = "SIGNET_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) == "" {
		os.Exit(m.Run())
	}
	if err := RunWorker(os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
}

// A workerHasher is a Hasher with workers. It records the commands that it
// started.
type workerHasher struct {
	*Hasher
	log *bytes.Buffer

	mu      sync.Mutex
	started []*exec.Cmd
}

func newWorkerHasher(t *testing.T, cpus int, idleTimeout time.Duration) *workerHasher {
	t.Helper()
	h := &workerHasher{Hasher: hasherWith(t, testParams, 80<<20, cpus), log: new(bytes.Buffer)}
	p := &workerPool{start: h.start, log: slog.New(slog.NewTextHandler(h.log, nil)), idleTimeout: idleTimeout}
	h.compute, h.close = p.compute, p.close
	t.Cleanup(h.Close)
	return h
}

func (h *workerHasher) start() *exec.Cmd {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := exec.Command(os.Args[0])
	c.Env = []string{workerEnv + "=1"}
	h.started = append(h.started, c)
	return c
}

// awaitExit waits for the exit of the worker that was started as number n.
func (h *workerHasher) awaitExit(t *testing.T, n int) {
	t.Helper()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for range 10_000 {
		if h.started[n].Process.Signal(syscall.Signal(0)) != nil {
			return
		}
		<-poll.C
	}
	t.Errorf("worker %d did not exit", n)
}

func TestWorkers_ComputeTheSameHashes(t *testing.T) {
	h, local := newWorkerHasher(t, 2, time.Hour), hasher(t, testParams)
	for _, maker := range []*Hasher{local, h.Hasher} {
		phc, err := maker.Hash(t.Context(), "pass\u00e9")
		must(t, err)
		wantVerify(t, h.Hasher, phc, "passe\u0301", true, false)
		wantVerify(t, h.Hasher, phc, "passe", false, false)
	}
	for _, c := range slices.Concat(firstVectors, passlibVectors) {
		wantVerify(t, h.Hasher, c.phc, c.password, true, true)
		wantVerify(t, h.Hasher, c.phc, "x"+c.password, false, false)
	}
	wantVerify(t, h.Hasher, "", "pass", false, false)
	if len(h.started) != 1 {
		t.Errorf("%d workers were started for sequential hashes, want 1", len(h.started))
	}
}

func TestWorkers_AtMostOnePerConcurrentHash(t *testing.T) {
	h := newWorkerHasher(t, 3, time.Hour)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() { _, _, _ = h.Verify(t.Context(), "", "password") })
	}
	all.Wait()
	if n := len(h.started); n < 1 || n > 3 {
		t.Errorf("%d workers were started for 3 concurrent hashes", n)
	}
}

// A login succeeds although its worker was killed, while idle or during the
// hash.
func TestWorkers_KilledWorkerIsReplaced(t *testing.T) {
	h := newWorkerHasher(t, 1, time.Hour)
	phc, err := h.Hash(t.Context(), "password")
	must(t, err)
	must(t, h.started[0].Process.Kill())
	wantVerify(t, h.Hasher, phc, "password", true, false)

	stopped := h.started[1].Process
	must(t, stopped.Signal(syscall.SIGSTOP))
	verified := make(chan struct{})
	go func() {
		defer close(verified)
		wantVerify(t, h.Hasher, phc, "password", true, false)
	}()
	must(t, stopped.Kill())
	<-verified

	log := h.log.String()
	if len(h.started) != 3 || strings.Count(log, "\n") != 2 || strings.Contains(log, "argon2id") {
		t.Errorf("%d workers were started, logged %s", len(h.started), log)
	}
}

func TestWorkers_BusyIfEveryWorkerExits(t *testing.T) {
	h := hasherWith(t, least, 1<<30, 1)
	h.UseWorkers(func() *exec.Cmd { return exec.Command("true") }, slog.New(slog.DiscardHandler))
	_, _, err := h.Verify(t.Context(), "", "password")
	if wantBusy(t, err).RetryAfter != time.Second || !errors.Is(err, errWorker) {
		t.Errorf("error = %v", err)
	}
}

func TestWorkers_HashInProcessIfNoWorkerStarts(t *testing.T) {
	h := hasherWith(t, least, 1<<30, 1)
	var log bytes.Buffer
	missing := filepath.Join(t.TempDir(), "missing")
	h.UseWorkers(func() *exec.Cmd { return exec.Command(missing) }, slog.New(slog.NewTextHandler(&log, nil)))
	for range 2 {
		phc, err := h.Hash(t.Context(), "password")
		must(t, err)
		if ok, _, err := h.Verify(t.Context(), phc, "password"); !ok || err != nil {
			t.Errorf("Verify = %v, %v; want true", ok, err)
		}
	}
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("logged %s", log.String())
	}
}

// A worker exits after the idle timeout and after Close. The next hash starts a
// new worker.
func TestWorkers_ExitWhenIdleOrClosed(t *testing.T) {
	h := newWorkerHasher(t, 1, time.Millisecond)
	wantVerify(t, h.Hasher, "", "password", false, false)
	h.awaitExit(t, 0)

	h = newWorkerHasher(t, 1, time.Hour)
	wantVerify(t, h.Hasher, "", "password", false, false)
	h.Close()
	h.awaitExit(t, 0)
	wantVerify(t, h.Hasher, "", "password", false, false)
	h.awaitExit(t, 1)
}
