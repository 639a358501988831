package browser

// SetMaxSessions sets how many sessions a Checker holds.
func SetMaxSessions(c *Checker, n int) { c.held.max = n }
