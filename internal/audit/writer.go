package audit

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// A Writer writes events as JSON lines. It is safe for concurrent use.
//
// A line that Write has written is with the operating system: it survives the
// end of the process. Write does not force it to the disk, because stderr is
// mostly a pipe. Ship the lines to another machine to keep them through a loss
// of power.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
	// torn means that only a part of the last line was written.
	torn bool
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes one event as one line, with one call of the underlying Write.
// Empty fields are omitted. If it returns an error, the event may be missing
// from the log, and the caller must refuse the request.
func (a *Writer) Write(_ context.Context, e Event) error {
	text, err := encode(e)
	if err != nil {
		return fmt.Errorf("encode the audit event %s: %w", e.Name, err)
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	if a.torn {
		text = append([]byte{'\n'}, text...)
	}
	n, err := a.w.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err != nil {
		a.torn = a.torn || n > 0
		return fmt.Errorf("write the audit event %s: %w", e.Name, err)
	}
	a.torn = false
	return nil
}
