package telemetry

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A device is a file whose next writes are as its test says.
type device struct {
	mu  sync.Mutex
	has bytes.Buffer
	// free is how many bytes it still takes. After them it returns err, or it
	// blocks until unblock if err is nil.
	free    int
	err     error
	unblock chan struct{}
}

// Write takes what is free.
func (d *device) Write(p []byte) (int, error) {
	n := d.take(p)
	switch {
	case n == len(p):
		return n, nil
	case d.err != nil:
		return n, d.err
	}
	<-d.unblock
	d.makeFree()
	return n + d.take(p[n:]), nil
}

func (d *device) take(p []byte) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, _ := d.has.Write(p[:min(len(p), d.free)])
	d.free -= n
	return n
}

// makeFree makes the device take everything.
func (d *device) makeFree() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = plenty
}

const plenty = 1 << 30

// newLineWriter returns a LineWriter that the test closes at its end.
func newLineWriter(t *testing.T, d *device) *LineWriter {
	t.Helper()
	w := NewLineWriter(d, func(dropped uint64, cause error) []byte {
		var line bytes.Buffer
		log, _ := NewLogger(&line, "text", "error")
		log.Error("report", "dropped", dropped, "error", cause)
		return line.Bytes()
	})
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func write(t *testing.T, w *LineWriter, text string) {
	t.Helper()
	if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("a line of the log: %d, %v", n, err)
	}
}

// text returns what the device has, without the times of reports.
func (d *device) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all strings.Builder
	for line := range strings.Lines(d.has.String()) {
		if _, report, ok := strings.Cut(line, " level=ERROR msg="); ok {
			line = report
		}
		all.WriteString(line)
	}
	return all.String()
}

// Rule 69: a line of the log that was written in part does not swallow the next
// event.
func TestRule69_EventAfterATornLogLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{free: 4, err: errors.New("disk full")}
		w := newLineWriter(t, d)
		write(t, w, "log line\n")
		synctest.Wait()
		if err := w.Health(); !errors.Is(err, d.err) {
			t.Errorf("the health is %v", err)
		}
		if err := w.WriteEvent(t.Context(), []byte("lost\n")); !errors.Is(err, d.err) {
			t.Errorf("an event on a full disk: %v", err)
		}

		d.makeFree()
		if err := w.WriteEvent(t.Context(), []byte("event\n")); err != nil || w.Health() != nil {
			t.Errorf("an event after it: %v, %v", err, w.Health())
		}
		synctest.Wait()
		const want = "log \nevent\nreport dropped=1 error=\"disk full\"\n"
		if d.text() != want {
			t.Errorf("the file has %q, want %q", d.text(), want)
		}
	})
}

// A failed write is tried again every second, although nothing else is written.
func TestLineWriter_RecoversByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{err: errors.New("disk full")}
		w := newLineWriter(t, d)
		write(t, w, "dropped\n")
		time.Sleep(10 * retryInterval)
		write(t, w, "buffered\n")
		synctest.Wait()
		d.makeFree()
		if w.Health() == nil {
			t.Error("the writer is healthy")
		}
		time.Sleep(retryInterval)
		synctest.Wait()
		const want = "report dropped=1 error=\"disk full\"\nbuffered\n"
		if d.text() != want || w.Health() != nil || w.Dropped() != 1 {
			t.Errorf("the file has %q, want %q; %v, %d dropped", d.text(), want, w.Health(), w.Dropped())
		}
	})
}

// While the file is stuck, log lines do not wait, and events wait until shortly
// before their deadline. An event that was refused is not written later.
func TestLineWriter_Stuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{free: 4, unblock: make(chan struct{})}
		w := newLineWriter(t, d)
		write(t, w, "log line\n")
		synctest.Wait()
		line := strings.Repeat("x", 1023) + "\n"
		for range maxBuffered/len(line) + 3 {
			write(t, w, line)
		}
		if w.Dropped() != 3 || w.Health() != nil {
			t.Errorf("%d lines were dropped, want 3; %v", w.Dropped(), w.Health())
		}

		const refused = "refused\n"
		for wait, want := range map[time.Duration]time.Duration{
			5 * time.Second: 5*time.Second - answerTime, time.Minute: maxEventWait, time.Millisecond: minEventWait,
		} {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			err := w.WriteEvent(ctx, []byte(refused))
			cancel()
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != want {
				t.Errorf("an event with a deadline in %s: %v after %s", wait, err, took)
			}
		}
		if !errors.Is(w.Health(), errStuck) {
			t.Errorf("the health is %v", w.Health())
		}
		ended, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		close(d.unblock)
		if err := w.Close(ended); err != nil {
			t.Error(err)
		}
		text := d.text()
		if strings.Contains(text, refused) || strings.Count(text, line) != maxBuffered/len(line) ||
			!strings.HasPrefix(text, "log line\nreport dropped=3 ") {
			t.Errorf("the file has %d bytes: %.200q", len(text), text)
		}
	})
}

// An event of a caller that has gone is written: what it records is done.
func TestLineWriter_EventOfACanceledRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{free: plenty}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := newLineWriter(t, d).WriteEvent(ctx, []byte("event\n")); err != nil || d.text() != "event\n" {
			t.Errorf("%v; the file has %q", err, d.text())
		}
	})
}

// Another process can make a pipe non-blocking. Then a full pipe is no error.
func TestLineWriter_NonBlockingPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{free: 4, err: syscall.EAGAIN}
		w := newLineWriter(t, d)
		time.AfterFunc(time.Second, d.makeFree)
		if err := w.WriteEvent(t.Context(), []byte("event\n")); err != nil || d.text() != "event\n" {
			t.Errorf("%v; the file has %q", err, d.text())
		}
	})
}

// A file may end with a line that another process has torn, such as a server
// before its restart.
func TestLineWriter_AppendsToATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, c := range []struct{ before, after string }{
		{"", "event\n"}, {"torn", "torn\nevent\n"}, {"whole\n", "whole\n\nevent\n"},
	} {
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		w := NewLineWriter(file, nil)
		err = errors.Join(w.WriteEvent(t.Context(), []byte("event\n")), w.Close(t.Context()), file.Close())
		if text, _ := os.ReadFile(path); err != nil || string(text) != c.after {
			t.Errorf("%q became %q, want %q: %v", c.before, text, c.after, err)
		}
	}
}
