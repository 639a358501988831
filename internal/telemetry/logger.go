package telemetry

import (
	"fmt"
	"io"
	"log/slog"
)

// Logger returns a logger that writes records of a level (debug, info, warn or error) and above to w, each with one Write:
// as JSON lines (format json) or as key=value pairs (format text). A record is one line and holds no control characters,
// whatever its values hold. Other formats and levels are errors.
func Logger(w io.Writer, format, level string) (*slog.Logger, error) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	least, ok := levels[level]
	if !ok {
		return nil, fmt.Errorf("the log level %q is none of debug, info, warn and error", level)
	}
	options := &slog.HandlerOptions{Level: least}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(plain{w}, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("the log format %q is neither json nor text", format)
}
