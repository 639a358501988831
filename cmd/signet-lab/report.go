package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// A report is what one load came to, as it is printed and written.
type report struct {
	Operation string  `json:"operation"`
	InFlight  int     `json:"in_flight"`
	AskedRate float64 `json:"asked_rate,omitempty"`
	result
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p99_9_ms"`
	// CPU is the processor time of each program for one operation, in microseconds. It counts the warm-up on both sides.
	CPU map[string]float64 `json:"cpu_us"`
	// Curve has the latency in milliseconds that each share of the operations did not exceed.
	Curve []point `json:"curve"`
}

type point struct {
	Share float64 `json:"share"`
	MS    float64 `json:"ms"`
}

// shares are where the curve is drawn.
var shares = []float64{0, .1, .25, .5, .75, .9, .95, .99, .995, .999, .9999}

func newReport(operation string, l load, r result, before, after map[string]time.Duration) report {
	ms := func(share float64) float64 { return r.quantile(share).Seconds() * 1000 }
	p := report{
		Operation: operation, InFlight: l.inFlight, AskedRate: l.rate, result: r,
		P50: ms(.5), P99: ms(.99), P999: ms(.999), CPU: make(map[string]float64),
	}
	whole := (l.warmUp + l.duration).Seconds() / l.duration.Seconds() // for how much longer than it measured it counted
	for name := range after {
		p.CPU[name] = float64((after[name] - before[name]).Microseconds()) / whole / float64(r.Operations)
	}
	for _, share := range shares {
		p.Curve = append(p.Curve, point{share, ms(share)})
	}
	return p
}

func printHead(w io.Writer, processes []process) {
	fmt.Fprintf(w, "%-11s %9s %10s %7s %9s %9s %9s", "operation", "in flight", "per second", "errors", "p50 ms", "p99 ms", "p99.9 ms")
	for _, p := range processes {
		fmt.Fprintf(w, " %12s", p.name+" µs")
	}
	fmt.Fprintln(w)
}

func (r report) print(w io.Writer, processes []process) {
	fmt.Fprintf(w, "%-11s %9d %10.0f %7d %9.3f %9.3f %9.3f", r.Operation, r.InFlight, r.Rate, r.Errors, r.P50, r.P99, r.P999)
	for _, p := range processes {
		fmt.Fprintf(w, " %12.1f", r.CPU[p.name])
	}
	fmt.Fprintln(w)
	if r.Errors > 0 {
		fmt.Fprintln(w, "  the first error:", r.FirstError)
	}
}

func writeJSON(file string, reports []report) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(reports, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}
