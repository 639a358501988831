package strangers

import (
	"fmt"
	"io"
)

// A Report is what an issuer did beside the strangers.
type Report struct {
	MemoryMiB int `json:"memory_mib"`
	// Streams and Connections are what the strangers tried. Open are those
	// connections, with and without calls, that were open at the end.
	Streams     int64 `json:"streams"`
	Connections int64 `json:"connections"`
	Open        int64 `json:"open_connections"`
	// Answered and Failed count the refreshes of the honest client.
	Answered   int    `json:"answered"`
	Failed     int    `json:"failed"`
	FirstError string `json:"first_error,omitempty"`
	// P99MS is the 99th percentile of their latency in milliseconds, as the
	// largest of all seconds.
	P99MS float64 `json:"p99_ms"`
	// PeakMiB is the peak memory of the control group.
	PeakMiB int64 `json:"peak_mib"`
}

func (r Report) print(out io.Writer) {
	_, _ = fmt.Fprintf(out, "| memory | calls tried | connections tried | open at the end | "+
		"refreshes answered | failed | p99 | peak memory |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n"+
		"| %d MiB | %d | %d | %d | %d | %d | %.0f ms | %d MiB |\n",
		r.MemoryMiB, r.Streams, r.Connections, r.Open, r.Answered, r.Failed, r.P99MS, r.PeakMiB)
	if r.FirstError != "" {
		_, _ = fmt.Fprintf(out, "\nThe first error was: %s\n", r.FirstError)
	}
}
