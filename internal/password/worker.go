package password

import (
	"encoding/gob"
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

// Passwords of a server are hashed in processes of their own, one hash at a time in each. Within the server a hash would take
// one of the few threads that Go has for all else, and its memory would make the garbage collector run for each.

// workerPatience is how long a worker may take for one hash. The most that is computed for any takes seconds.
const workerPatience = time.Minute

// workerRest is how long a worker waits for more before it ends.
const workerRest = time.Minute

var errWorker = errors.New("the process that hashes ended")

// Work computes the hashes that a server asks for through in, one after the other, and answers through out. It returns when in
// ends. The two speak to none but their own like: what they say is no format that lasts.
func Work(in io.Reader, out io.Writer) error {
	tasks, findings := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var t task
		if err := tasks.Decode(&t); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read what to hash: %w", err)
		}
		runtime.GOMAXPROCS(max(1, int(t.Params.Parallelism))) // the server has counted on no more
		f, err := t.compute()
		if err == nil {
			err = findings.Encode(f)
		}
		if err != nil {
			return fmt.Errorf("hash a password: %w", err)
		}
		clear(t.Password)
		runtime.GC() // the next one gets the memory of this one, and none beside it
	}
}

// Apart lets hashes be computed by processes that start makes: each runs Work on its standard input and output. There are as
// many as hashes are computed at once. Where none can be started the hashes are computed here, and the log says so.
func (h *Hasher) Apart(start func() *exec.Cmd, log *slog.Logger) {
	w := &workers{start: start, log: log, rest: workerRest}
	h.compute, h.close = w.compute, w.close
}

// workers are the processes that hash.
type workers struct {
	start func() *exec.Cmd
	log   *slog.Logger
	rest  time.Duration // how long one waits for work before it ends
	once  sync.Once     // the complaint

	mu     sync.Mutex
	idle   []*worker
	closed bool
}

// A worker is a process that hashes.
type worker struct {
	process  *exec.Cmd
	in       io.Closer
	tasks    *gob.Encoder
	findings *gob.Decoder
	rest     *time.Timer // ends it when it has waited for long enough
	rests    int         // how often it has begun to wait
}

// compute lets a worker do it. One that waited for work may have ended meanwhile, so that another gets the same task.
func (w *workers) compute(t task) (finding, error) {
	var err error
	for range 2 {
		one := w.take()
		if one == nil {
			if one, err = w.begin(); err != nil {
				w.once.Do(func() {
					w.log.Warn("passwords are hashed in this process, since no other can be started", "error", err)
				})
				return t.compute()
			}
		}
		var f finding
		if f, err = one.ask(t); err == nil {
			w.leave(one)
			return f, nil
		}
		w.log.Warn("a process that hashes passwords ended", "error", err)
		one.end()
	}
	return finding{}, &Busy{RetryAfter: time.Second, cause: fmt.Errorf("%w: %w", errWorker, err)}
}

// take returns a worker that waits for work, nil if none does.
func (w *workers) take() *worker {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.idle) - 1
	if n < 0 {
		return nil
	}
	one := w.idle[n]
	w.idle = w.idle[:n]
	one.rest.Stop()
	return one
}

// leave lets a worker wait for more.
func (w *workers) leave(one *worker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		one.end()
		return
	}
	w.idle = append(w.idle, one)
	one.rests++
	rest := one.rests
	one.rest = time.AfterFunc(w.rest, func() { w.dismiss(one, rest) })
}

// dismiss ends a worker that still waits as it did when that rest began.
func (w *workers) dismiss(one *worker, rest int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.idle, one); i >= 0 && one.rests == rest {
		w.idle = slices.Delete(w.idle, i, i+1)
		one.end()
	}
}

// close ends the workers: at once those that wait, the others when they have done what they do.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, one := range w.idle {
		one.rest.Stop()
		one.end()
	}
	w.idle = nil
}

func (w *workers) begin() (*worker, error) {
	c := w.start()
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
	return &worker{process: c, in: in, tasks: gob.NewEncoder(in), findings: gob.NewDecoder(out)}, nil
}

func (w *worker) ask(t task) (f finding, err error) {
	hangs := time.AfterFunc(workerPatience, func() { _ = w.process.Process.Kill() })
	defer hangs.Stop()
	if err = w.tasks.Encode(t); err == nil {
		err = w.findings.Decode(&f)
	}
	return f, err
}

// end lets the process end, and does not wait for that.
func (w *worker) end() {
	_ = w.in.Close()
	go func() { _ = w.process.Wait() }()
}
