package measure

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
)

// A Report is the result of one load, as the lab prints and writes it.
type Report struct {
	Operation string `json:"operation"`
	// Concurrency is the number of workers.
	Concurrency int `json:"concurrency"`
	// RequestedRate is the rate of an open loop, in operations per second.
	RequestedRate float64 `json:"asked_rate,omitempty"`
	load.Result
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p99_9_ms"`
	// CPU is the processor time of each program per operation, in
	// microseconds. It is an average that includes the warm-up.
	CPU map[string]float64 `json:"cpu_us"`
	// Curve is the distribution of the latencies.
	Curve []Point `json:"curve"`
}

// A Point is one point of the latency distribution: a share of the operations
// took at most MS milliseconds.
type Point struct {
	Share float64 `json:"share"`
	MS    float64 `json:"ms"`
}

// Shares are the shares of the operations at which the curve has a point.
var Shares = []float64{0, .1, .25, .5, .75, .9, .95, .99, .995, .999, .9999}

// newReport makes the report of a load. The times are the processor times
// before and after it.
func newReport(operation string, p load.Profile, result load.Result, before, after map[string]time.Duration) Report {
	ms := func(share float64) float64 { return result.Quantile(share).Seconds() * 1000 }
	r := Report{
		Operation: operation, Concurrency: p.Concurrency, RequestedRate: p.Rate, Result: result,
		P50: ms(.5), P99: ms(.99), P999: ms(.999), CPU: make(map[string]float64),
	}

	// Processor times include the warm-up, but Operations does not.
	factor := (p.WarmUp + p.Duration).Seconds() / p.Duration.Seconds()
	for name := range after {
		r.CPU[name] = float64((after[name] - before[name]).Microseconds()) / factor / float64(result.Operations)
	}
	for _, share := range Shares {
		r.Curve = append(r.Curve, Point{share, ms(share)})
	}
	return r
}

// PrintHeader prints the column headers for Print.
func PrintHeader(w io.Writer, processes []Process) {
	fmt.Fprintf(w, "%-11s %10s %10s %7s %9s %9s %9s",
		"operation", "concurrent", "per second", "errors", "p50 ms", "p99 ms", "p99.9 ms")
	for _, p := range processes {
		fmt.Fprintf(w, " %12s", p.Name+" µs")
	}
	fmt.Fprintln(w)
}

// Print prints the report as one line, and the first error in a second one.
func (r Report) Print(w io.Writer, processes []Process) {
	fmt.Fprintf(w, "%-11s %10d %10.0f %7d %9.3f %9.3f %9.3f",
		r.Operation, r.Concurrency, r.Rate, r.Errors, r.P50, r.P99, r.P999)
	for _, p := range processes {
		fmt.Fprintf(w, " %12.1f", r.CPU[p.Name])
	}
	fmt.Fprintln(w)
	if r.Errors > 0 {
		fmt.Fprintln(w, "  first error:", r.FirstError)
	}
}

// WriteJSON writes results to a file. If file is empty, it does nothing.
func WriteJSON(file string, results any) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}
