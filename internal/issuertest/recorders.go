package issuertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
)

// A Clock is the real clock with an offset. It is safe for concurrent use.
type Clock struct{ offset atomic.Int64 }

// Now returns the time of the clock.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Set sets how far the clock is ahead of the real one. d may be negative.
func (c *Clock) Set(d time.Duration) { c.offset.Store(int64(d)) }

// Events records audit events. It is safe for concurrent use.
type Events struct {
	mu   sync.Mutex
	all  []audit.Event
	fail error
}

// Record records an event and returns the error that FailWith has set. It fails
// for an event whose name is not in audit.EventNames.
func (r *Events) Record(_ context.Context, e audit.Event) error {
	if !slices.Contains(audit.EventNames(), e.Name) {
		return fmt.Errorf("audit.EventNames does not have %q", e.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
	return r.fail
}

// FailWith makes Record return err from now on.
func (r *Events) FailWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

// All returns the events so far.
func (r *Events) All() []audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// Reset removes the events so far.
func (r *Events) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = nil
}

// Count returns how many events of that name there were.
func (r *Events) Count(name string) int {
	n := 0
	for _, e := range r.All() {
		if e.Name == name {
			n++
		}
	}
	return n
}

// Last returns the last event. It returns the zero event if there is none.
func (r *Events) Last() (last audit.Event) {
	for _, e := range r.All() {
		last = e
	}
	return last
}

// FailedLogins returns how many logins failed, by their reason.
func (r *Events) FailedLogins() map[string]int {
	n := map[string]int{}
	for _, e := range r.All() {
		if e.Name == audit.LoginFailed {
			n[e.Reason]++
		}
	}
	return n
}

// Logs records log lines in JSON. It is safe for concurrent use.
type Logs struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

// Logger returns a logger of all levels.
func (r *Logs) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write records what a handler writes.
func (r *Logs) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.Write(b)
}

// Text returns the lines so far.
func (r *Logs) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.String()
}

// Reset removes the lines so far.
func (r *Logs) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines.Reset()
}

// Line returns the fields of the last line with that message.
func (r *Logs) Line(t testing.TB, message string) (last map[string]any) {
	t.Helper()
	for line := range bytes.Lines([]byte(r.Text())) {
		var fields map[string]any
		must(t, json.Unmarshal(line, &fields))
		if fields["msg"] == message {
			last = fields
		}
	}
	if last == nil {
		t.Fatalf("no log line %q in %s", message, r.Text())
	}
	return last
}
