package overload

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// counts are what the clients have seen so far.
type counts struct {
	unavailable, connections, lost, unanswered, others atomic.Int64

	mu        sync.Mutex
	refreshes int
	longest   time.Duration
}

// refreshed counts a refresh that took that long, with its retries.
func (c *counts) refreshed(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshes++
	c.longest = max(c.longest, took)
}

// A Report is what the clients have seen. The numbers are of all clients
// together.
type Report struct {
	// Keys is true if the clients sent idempotency keys.
	Keys bool `json:"idempotency_keys"`
	// Limit names what limited the issuer's processor time.
	Limit   string `json:"limit"`
	Clients int    `json:"clients"`
	// Refreshes is the number of refreshes that succeeded.
	Refreshes int `json:"refreshes"`
	// LongestMS is the longest time of one refresh with its retries, in
	// milliseconds.
	LongestMS int64 `json:"longest_ms"`
	// Unavailable is the number of answers with status 503.
	Unavailable int64 `json:"unavailable"`
	// Connections is the number of connections that ended without an answer.
	Connections int64 `json:"lost_connections"`
	// Others is the number of other answers with an error.
	Others int64 `json:"other_errors"`
	// Lost is the number of logins that got invalid_grant.
	Lost int64 `json:"lost_logins"`
	// Unanswered is the number of clients that got no answer until the end.
	Unanswered int64 `json:"unanswered"`
}

func (c *counts) report(clients int, keys bool, limit string) Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Report{
		Keys: keys, Limit: limit, Clients: clients, Refreshes: c.refreshes, LongestMS: c.longest.Milliseconds(),
		Unavailable: c.unavailable.Load(), Connections: c.connections.Load(), Others: c.others.Load(),
		Lost: c.lost.Load(), Unanswered: c.unanswered.Load(),
	}
}

// print writes the report as one row of a table in Markdown.
func (r Report) print(out io.Writer) {
	keys := "no"
	if r.Keys {
		keys = "yes"
	}
	_, _ = fmt.Fprintf(out, "| %s | %d | %.1f s | %d | %d | %d | %d | %d of %d |\n", keys, r.Refreshes,
		float64(r.LongestMS)/1000, r.Unavailable, r.Connections, r.Others, r.Unanswered, r.Lost, r.Clients)
}

func printHeader(out io.Writer) {
	_, _ = fmt.Fprint(out, "| idempotency keys | refreshes | longest | 503 | lost connections | other errors | "+
		"unanswered | lost logins |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
}
