package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// An Audit writes security events as JSON lines. It is safe for concurrent use. A line that Record has written is with the
// operating system: it survives the end of the process, however sudden. It is not forced to the disk, since what stands behind
// stderr is a pipe more often than a file; whoever must keep events through a loss of power ships them to another machine.
type Audit struct {
	mu   sync.Mutex
	w    io.Writer
	torn bool // the last line ended half-way
}

// NewAudit returns an Audit that writes to w.
func NewAudit(w io.Writer) *Audit { return &Audit{w: w} }

// Record writes one event as one line, with one Write: time (UTC), event, and then the attributes in their order, without
// those that are empty strings. Attributes are scalars, not groups. On an error nobody may rely on the event being there,
// so whoever acts on it gets no answer.
func (a *Audit) Record(name string, at time.Time, attrs ...slog.Attr) error {
	line, err := encode(name, at, attrs)
	if err != nil {
		return fmt.Errorf("encode the audit event %s: %w", name, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := a.w.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err != nil {
		a.torn = a.torn || n > 0
		return fmt.Errorf("write the audit event %s: %w", name, err)
	}
	a.torn = false
	return nil
}

func encode(name string, at time.Time, attrs []slog.Attr) ([]byte, error) {
	all := append([]slog.Attr{slog.String("time", at.UTC().Format(time.RFC3339Nano)), slog.String("event", name)}, attrs...)
	var line bytes.Buffer
	for _, attr := range all {
		value := attr.Value.Resolve()
		if value.Kind() == slog.KindGroup {
			return nil, fmt.Errorf("%s is a group", attr.Key)
		}
		if value.Kind() == slog.KindString && value.String() == "" {
			continue
		}
		k, err := json.Marshal(attr.Key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(value.Any())
		if err != nil {
			return nil, err
		}
		line.WriteByte(',')
		line.Write(k)
		line.WriteByte(':')
		line.Write(v)
	}
	line.WriteString("}\n")
	line.Bytes()[0] = '{'
	return escape(line.Bytes()), nil
}
