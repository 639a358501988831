package revocations

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// A Report is the result of Run. Times are in milliseconds and count from the
// answer to the call that revoked the grant.
type Report struct {
	Verifiers   int     `json:"verifiers"`
	Revocations int     `json:"revocations"`
	Rate        float64 `json:"revocations_per_second"`
	// Restarts is how often the server of the verifiers was killed.
	Restarts int `json:"restarts"`
	// EachP50, EachP99 and EachMax are about each verifier and revocation.
	EachP50 float64 `json:"each_p50_ms"`
	EachP99 float64 `json:"each_p99_ms"`
	EachMax float64 `json:"each_max_ms"`
	// AllP50 and AllP99 are until all verifiers refuse the token.
	AllP50 float64 `json:"all_p50_ms"`
	AllP99 float64 `json:"all_p99_ms"`
	// Missed is how many verifiers did not refuse a token within the time
	// limit, of all verifiers and revocations.
	Missed int `json:"missed"`
	// CPU is the processor time of both servers, in percent of one core. It
	// is zero if there were restarts.
	CPU float64 `json:"servers_cpu_percent"`
}

// times collects how long the verifiers took.
type times struct {
	mu     sync.Mutex
	each   []time.Duration
	all    []time.Duration
	missed int
}

// add adds the times of all verifiers for one revocation.
func (t *times) add(each []time.Duration, missed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.each = append(t.each, each...)
	t.missed += missed
	if missed == 0 {
		t.all = append(t.all, slices.Max(each))
	}
}

func (t *times) report(r Report) Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.each)
	slices.Sort(t.all)
	r.EachP50, r.EachP99, r.EachMax = quantile(t.each, .5), quantile(t.each, .99), quantile(t.each, 1)
	r.AllP50, r.AllP99, r.Missed = quantile(t.all, .5), quantile(t.all, .99), t.missed
	return r
}

// quantile returns the time that the share of the sorted times did not exceed,
// in milliseconds.
func quantile(sorted []time.Duration, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)].Seconds() * 1000
}

func (r Report) print(w io.Writer) {
	_, _ = fmt.Fprint(w, "| verifiers | revocations/s | restarts | each: p50 | p99 | max | all: p50 | p99 |"+
		" missed | CPU |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	_, _ = fmt.Fprintf(w, "| %d | %.0f | %d | %.0f ms | %.0f ms | %.0f ms | %.0f ms | %.0f ms |"+
		" %d of %d | %.0f %% |\n", r.Verifiers, r.Rate, r.Restarts, r.EachP50, r.EachP99, r.EachMax,
		r.AllP50, r.AllP99, r.Missed, r.Verifiers*r.Revocations, r.CPU)
}
