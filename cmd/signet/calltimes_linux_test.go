package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A loggedCall is the log line of a gRPC call.
type loggedCall struct {
	Method   string  `json:"method"`
	Code     string  `json:"code"`
	Cause    string  `json:"cause"`
	Duration float64 `json:"duration_ms"`
}

// took returns the duration of the call.
func (c loggedCall) took() time.Duration {
	return time.Duration(c.Duration * float64(time.Millisecond))
}

// loggedCalls returns the calls of a method in a log.
func loggedCalls(log, method string) (found []loggedCall) {
	for line := range strings.Lines(log) {
		var c loggedCall
		if json.Unmarshal([]byte(line), &c) == nil && c.Method == method {
			found = append(found, c)
		}
	}
	return found
}

// rejectionTimes returns the durations of the logins that the server rejected
// at once, and the number of logins that it rejected after a wait.
func rejectionTimes(log string) (rejected distribution, waited int) {
	var took []time.Duration
	for _, call := range loggedCalls(log, signetv1.TokenService_Login_FullMethodName) {
		if call.Code != codes.ResourceExhausted.String() {
			continue
		}
		if strings.Contains(call.Cause, "deadline exceeded") {
			waited++
			continue
		}
		took = append(took, call.took())
	}
	return newDistribution(took), waited
}

// refreshTimes returns the durations of the refreshes in a log.
func refreshTimes(log string) distribution {
	var took []time.Duration
	for _, c := range loggedCalls(log, signetv1.TokenService_Refresh_FullMethodName) {
		took = append(took, c.took())
	}
	return newDistribution(took)
}

// A distribution summarizes durations.
type distribution struct {
	n                      int
	p50, p90, p99, longest time.Duration
}

func newDistribution(took []time.Duration) distribution {
	slices.Sort(took)
	n := len(took)
	if n == 0 {
		return distribution{}
	}
	return distribution{n: n, p50: took[n/2], p90: took[n*9/10], p99: took[n*99/100], longest: took[n-1]}
}

// String returns the number and the percentiles.
func (d distribution) String() string {
	return fmt.Sprintf("%d of p50 %v, p90 %v, p99 %v, longest %v", d.n, d.p50, d.p90, d.p99, d.longest)
}
