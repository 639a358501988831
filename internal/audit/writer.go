package audit

import (
	"context"
	"fmt"
)

// A Writer writes events as JSON lines. It is safe for concurrent use if its
// write function is.
//
// A line that Write has written is with the operating system: it survives the
// end of the process. Write does not force it to the disk, because stderr is
// mostly a pipe. Ship the lines to another machine to keep them through a loss
// of power.
type Writer struct {
	write func(ctx context.Context, line []byte) error
}

// NewWriter returns a Writer. write must write the line as a whole line of its
// own, or return an error.
func NewWriter(write func(ctx context.Context, line []byte) error) Writer { return Writer{write} }

// Write writes one event as one line. Empty fields are omitted. If it returns
// an error, the event may be missing from the log, and the caller must refuse
// the request.
func (w Writer) Write(ctx context.Context, e Event) error {
	text, err := encode(e)
	if err != nil {
		return fmt.Errorf("encode the audit event %s: %w", e.Name, err)
	}
	if err := w.write(ctx, text); err != nil {
		return fmt.Errorf("write the audit event %s: %w", e.Name, err)
	}
	return nil
}
