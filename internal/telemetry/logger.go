package telemetry

import (
	"fmt"
	"io"
	"log/slog"
)

// NewLogger returns a logger that writes records of the given level and above
// to w. Levels are debug, info, warn and error. The format is json (JSON lines)
// or text (key=value pairs). Other levels and formats are errors.
//
// The logger writes each record with one call of Write. A record is one line
// without control characters, whatever its values contain.
func NewLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	minimum, ok := levels[level]
	if !ok {
		return nil, fmt.Errorf("invalid log level %q: want debug, info, warn or error", level)
	}

	options := &slog.HandlerOptions{Level: minimum}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(escapingWriter{w}, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("invalid log format %q: want json or text", format)
}
