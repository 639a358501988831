package password

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A server hashes passwords in worker processes, one hash at a time in each. In
// the server itself, a hash would occupy one of the few threads that run Go
// code. Its memory would also start a garbage collection for each hash.

// jobTimeout is the time after which the server kills a worker that computes a
// hash. The most expensive hash takes seconds.
const jobTimeout = time.Minute

// idleTimeout is the time after which an idle worker is stopped.
const idleTimeout = time.Minute

// RunWorker runs a worker process. It reads jobs from in, computes one after
// another, and writes the results to out. It returns nil at the end of in.
//
// The format is private to one build of the program: the server and its workers
// run the same executable.
func RunWorker(in io.Reader, out io.Writer) error {
	jobs, results := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var j job
		if err := jobs.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read password hashing job: %w", err)
		}

		runtime.GOMAXPROCS(max(1, int(j.CPUs)))
		r, err := j.compute()
		if err == nil {
			err = results.Encode(r)
		}
		if err != nil {
			return fmt.Errorf("hash password: %w", err)
		}

		clear(j.Password)
		// The collection frees the memory of this hash for the next one, so the
		// process never has the memory of two hashes.
		runtime.GC()
	}
}

// UseWorkers makes the Hasher compute hashes in worker processes. start returns
// the command of a worker, which calls RunWorker with its standard input and
// output. There are at most as many workers as concurrent hashes. If no worker
// can be started, the Hasher computes the hash in this process and logs a
// warning.
func (h *Hasher) UseWorkers(start func() *exec.Cmd, log *slog.Logger) {
	p := &workerPool{start: start, log: log, idleTimeout: idleTimeout}
	h.compute, h.close = p.compute, p.close
}

// A workerPool starts, reuses and stops workers.
type workerPool struct {
	start       func() *exec.Cmd
	log         *slog.Logger
	idleTimeout time.Duration
	// startFailed limits the warning about a failed start to one.
	startFailed sync.Once

	mu     sync.Mutex
	idle   []*worker
	closed bool
}

// A worker is a process that computes hashes.
type worker struct {
	process *exec.Cmd
	in      io.Closer
	jobs    *json.Encoder
	results *json.Decoder
	// idleTimer stops the worker after the idle timeout.
	idleTimer *time.Timer
	// idleCount is the number of times the worker became idle.
	idleCount int
}

// compute computes a job in a worker. An idle worker may have exited, so
// compute tries a second worker if the first one fails.
func (p *workerPool) compute(j job) (result, error) {
	var err error
	for range 2 {
		w := p.takeIdle()
		if w == nil {
			if w, err = p.startWorker(); err != nil {
				p.startFailed.Do(func() {
					p.log.Warn("cannot start password hashing worker; hashing in this process", "error", err)
				})
				return j.compute()
			}
		}

		var r result
		if r, err = w.compute(j); err == nil {
			p.putIdle(w)
			return r, nil
		}
		p.log.Warn("password hashing worker exited", "error", err)
		w.stop()
	}
	return result{}, &BusyError{RetryAfter: time.Second, cause: fmt.Errorf("%w: %w", errWorker, err)}
}

// takeIdle returns an idle worker, or nil if there is none.
func (p *workerPool) takeIdle() *worker {
	p.mu.Lock()
	defer p.mu.Unlock()

	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	w := p.idle[last]
	p.idle = p.idle[:last]
	w.idleTimer.Stop()
	return w
}

// putIdle adds a worker to the idle workers and starts its idle timer.
func (p *workerPool) putIdle(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if p.closed {
		w.stop()
		return
	}
	p.idle = append(p.idle, w)
	w.idleCount++
	count := w.idleCount
	w.idleTimer = time.AfterFunc(p.idleTimeout, func() { p.expire(w, count) })
}

// expire stops a worker that has been idle since its idleCount was count.
func (p *workerPool) expire(w *worker, count int) {
	p.mu.Lock()
	defer p.mu.Unlock()

	if i := slices.Index(p.idle, w); i >= 0 && w.idleCount == count {
		p.idle = slices.Delete(p.idle, i, i+1)
		w.stop()
	}
}

// close stops the idle workers at once. A busy worker stops after its job.
func (p *workerPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.closed = true
	for _, w := range p.idle {
		w.idleTimer.Stop()
		w.stop()
	}
	p.idle = nil
}

// startWorker starts a new process.
func (p *workerPool) startWorker() (*worker, error) {
	c := p.start()
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	return &worker{process: c, in: in, jobs: json.NewEncoder(in), results: json.NewDecoder(out)}, nil
}

// compute sends a job to the worker and returns its result.
func (w *worker) compute(j job) (r result, err error) {
	timeout := time.AfterFunc(jobTimeout, func() { _ = w.process.Process.Kill() })
	defer timeout.Stop()

	if err = w.jobs.Encode(j); err == nil {
		err = w.results.Decode(&r)
	}
	return r, err
}

// stop makes the process exit. It does not wait for the exit.
func (w *worker) stop() {
	_ = w.in.Close()
	go func() { _ = w.process.Wait() }()
}
