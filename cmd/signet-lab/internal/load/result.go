package load

import "time"

// A Result is what a load measured.
type Result struct {
	Operations int     `json:"operations"` // operations that succeeded
	Errors     int     `json:"errors"`
	FirstError string  `json:"first_error,omitempty"`
	Seconds    float64 `json:"seconds"`
	Rate       float64 `json:"operations_per_second"`

	latencies []time.Duration // of the operations that succeeded, sorted
}

// Quantile returns the latency that the given share of the operations did not
// exceed. The share is between 0 and 1.
func (r Result) Quantile(share float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[min(int(share*float64(len(r.latencies))), len(r.latencies)-1)]
}

// record adds one operation.
func (r *Result) record(latency time.Duration, err error) {
	if err != nil {
		r.Errors++
		if r.FirstError == "" {
			r.FirstError = err.Error()
		}
		return
	}
	r.Operations++
	r.latencies = append(r.latencies, latency)
}

// merge adds the operations of another result.
func (r *Result) merge(other Result) {
	r.Operations += other.Operations
	r.Errors += other.Errors
	if r.FirstError == "" {
		r.FirstError = other.FirstError
	}
	r.latencies = append(r.latencies, other.latencies...)
}
