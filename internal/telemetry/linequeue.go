package telemetry

import (
	"cmp"
	"errors"
	"io"
	"syscall"
	"time"
)

// next waits for the next line to write. It returns nil after Close when
// nothing is left.
func (w *LineWriter) next() *line {
	for {
		l, pause, closed := w.take()
		if l != nil || closed {
			return l
		}
		var due <-chan time.Time
		if pause > 0 {
			due = time.After(pause)
		}
		select {
		case <-w.wake:
		case <-due:
		}
	}
}

// take returns the next line to write, or nil and how long the log lines must
// wait. Zero means that there are none.
func (w *LineWriter) take() (l *line, pause time.Duration, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()

	if w.failed != nil {
		pause = max(time.Until(w.retryAt), 0)
	}
	switch {
	case len(w.events) > 0:
		l, w.events = w.events[0], w.events[1:]
	case pause > 0:
		return nil, pause, w.closed
	case w.failed != nil, w.dropped > w.reported:
		text := w.report(w.dropped-w.reported, cmp.Or(w.cause, w.failed))
		l = &line{text: text, report: true, dropped: w.dropped}
	case len(w.lines) > 0:
		l, w.lines = w.lines[0], w.lines[1:]
		w.buffered -= len(l.text)
	default:
		return nil, 0, w.closed
	}
	w.writing = time.Now()
	return l, 0, false
}

// write writes a line. If the end of the last line is missing, it first ends
// that line.
func (w *LineWriter) write(text []byte) error {
	if w.torn {
		text = append([]byte{'\n'}, text...)
	}
	n, err := w.file.Write(text)
	for errors.Is(err, syscall.EAGAIN) {
		<-time.After(againInterval)
		var more int
		more, err = w.file.Write(text[n:])
		n += more
	}
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	w.torn = err != nil && (w.torn || n > 0)
	return err
}

// finish takes the result of a write.
func (w *LineWriter) finish(l *line, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()

	w.writing, w.failed = time.Time{}, err
	if err != nil {
		w.retryAt = time.Now().Add(retryInterval)
	}
	switch {
	case l.done != nil:
		l.done <- err
	case l.report && err == nil:
		w.reported = l.dropped
		if w.dropped == w.reported {
			w.cause = nil
		}
	case !l.report && err != nil:
		w.drop(err)
	}
}
