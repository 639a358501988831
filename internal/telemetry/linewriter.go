package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Limits of a LineWriter.
const (
	// maxBuffered is the maximum size of the buffered log lines, in bytes.
	maxBuffered = 1 << 20
	// minEventWait is how long an event waits at least. So what is done is
	// recorded even if its caller has gone.
	minEventWait = time.Second
	// maxEventWait is how long an event waits at most.
	maxEventWait = 10 * time.Second
	// answerTime is how long before the deadline of a request its event stops
	// waiting, so that the refusal still reaches the caller.
	answerTime = 200 * time.Millisecond
	// stuckAfter is the time after which a write is stuck.
	stuckAfter = 2 * time.Second
	// retryInterval is how long log lines wait after a failed write.
	retryInterval = time.Second
	// againInterval is the pause before another attempt to write to a full pipe
	// that is non-blocking.
	againInterval = 10 * time.Millisecond
)

var (
	errClosed = errors.New("the writer is closed")
	errStuck  = errors.New("a write has taken more than two seconds")
	errFull   = errors.New("nothing took the lines in time")
)

// A LineWriter writes the lines of the log and of the audit log to one file,
// such as stderr. One goroutine owns the file. It writes one line after the
// other. If it could write only a part of a line, it ends that line before it
// writes the next one. So an event is always a whole line.
//
// The file may be a pipe whose reader is slow, stuck or gone, or be on a full
// disk. Log lines never wait for that: a bounded buffer holds them, and lines
// that find it full are dropped and counted. An event waits for a bounded time.
// Events overtake log lines.
type LineWriter struct {
	file   io.Writer
	report func(dropped uint64, cause error) []byte
	wake   chan struct{} // has a value if there may be something to write
	ended  chan struct{} // closed when the goroutine has ended
	torn   bool          // the last line was written in part; only the goroutine uses it

	mu       sync.Mutex
	events   []*line
	lines    []*line // of the log
	buffered int     // bytes in lines
	// dropped is how many log lines were dropped, and reported how many of them
	// the log has reported. cause is why the first of the others was dropped.
	dropped, reported uint64
	cause             error
	// writing is when the write in progress began. It is zero if there is none.
	writing time.Time
	// failed is the error of the last write, and retryAt when log lines are
	// written again after it.
	failed  error
	retryAt time.Time
	closed  bool
}

// A line is an event, a line of the log, or a report.
type line struct {
	text []byte
	// since is when an event was submitted, and done gets its result.
	since time.Time
	done  chan error
	// report means that the line reports all lines that were dropped until
	// then, dropped lines in all.
	report  bool
	dropped uint64
}

// NewLineWriter returns a LineWriter for a file. Close ends it. When it can
// write again, it writes the log line that report returns. The arguments of
// report are how many log lines were dropped, perhaps none, and the reason.
func NewLineWriter(file io.Writer, report func(dropped uint64, cause error) []byte) *LineWriter {
	w := &LineWriter{
		file: file, report: report, wake: make(chan struct{}, 1), ended: make(chan struct{}), torn: hasContent(file),
	}
	go func() {
		defer close(w.ended)
		for l := w.next(); l != nil; l = w.next() {
			w.finish(l, w.write(l.text))
		}
	}()
	return w
}

// hasContent reports whether the file is a regular file that is not empty.
// Another process may have written its last line in part. The LineWriter cannot
// read that line, because stderr is mostly opened for writing only.
func hasContent(file io.Writer) bool {
	f, ok := file.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// Write buffers a line of the log. It returns at once, and never an error.
func (w *LineWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()

	full := w.buffered > 0 && w.buffered+len(text) > maxBuffered
	if full || w.closed {
		w.drop(cmp.Or(w.failed, errFull))
		return len(text), nil
	}
	w.lines = append(w.lines, &line{text: slices.Clone(text)})
	w.buffered += len(text)
	w.signal()
	return len(text), nil
}

// drop counts a line of the log that is dropped.
func (w *LineWriter) drop(cause error) {
	w.dropped++
	w.cause = cmp.Or(w.cause, cause)
}

// WriteEvent writes a line of JSON, with the same escapes as the log. It
// returns when the operating system has the line. It waits until ctx is done or
// its deadline is near, but at least one second and at most ten. If it returns
// an error, the line may be missing from the file.
func (w *LineWriter) WriteEvent(ctx context.Context, text []byte) error {
	earliest, cancelEarliest := context.WithTimeout(context.WithoutCancel(ctx), minEventWait)
	defer cancelEarliest()
	wait := maxEventWait
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-answerTime)
	}
	latest, cancelLatest := context.WithTimeout(ctx, wait)
	defer cancelLatest()

	e := &line{text: escape(text), since: time.Now(), done: make(chan error, 1)}
	if err := w.submit(e); err != nil {
		return err
	}
	for _, limit := range []context.Context{latest, earliest} {
		select {
		case err := <-e.done:
			return err
		case <-limit.Done():
		}
	}
	w.withdraw(e)
	select {
	case err := <-e.done:
		return err
	default:
		return fmt.Errorf("not written in time: %w", context.Cause(latest))
	}
}

// submit adds an event to the queue.
func (w *LineWriter) submit(e *line) error {
	w.mu.Lock()
	defer w.mu.Unlock()

	if w.closed {
		return errClosed
	}
	w.events = append(w.events, e)
	w.signal()
	return nil
}

// withdraw removes an event from the queue. It does nothing if the write of the
// event has begun.
func (w *LineWriter) withdraw(e *line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = slices.DeleteFunc(w.events, func(other *line) bool { return other == e })
}

// signal wakes the goroutine.
func (w *LineWriter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Dropped returns how many log lines were dropped.
func (w *LineWriter) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Health returns an error if the last write failed, or if a write or an event
// has been waiting for more than two seconds.
func (w *LineWriter) Health() error {
	w.mu.Lock()
	defer w.mu.Unlock()

	stuck := func(since time.Time) bool { return time.Since(since) > stuckAfter }
	switch {
	case w.failed != nil:
		return w.failed
	case !w.writing.IsZero() && stuck(w.writing), len(w.events) > 0 && stuck(w.events[0].since):
		return errStuck
	}
	return nil
}

// Close writes what is in the queues and ends the LineWriter. It returns an
// error if ctx ends first.
func (w *LineWriter) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()

	select {
	case <-w.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
