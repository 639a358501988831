package client

import (
	"context"
	"sync/atomic"
	"time"
)

// A Clock is the store's clock, as this process knows it: the store's time at
// the last reading, plus the monotonic time since then. All servers of one
// store agree on it. It does not follow a jump of this machine's wall clock.
// The store's clock itself may jump, for example after a failover to a host
// with another time. A Clock follows such a jump at the next reading.
//
// The zero Clock has no reading yet.
type Clock struct{ last atomic.Pointer[reading] }

// A reading is the store's time and the monotonic time at which it was valid.
type reading struct{ time, at time.Time }

// Read reads the store's clock with Store.DirectoryVersion. It returns the
// version of the clients and audiences.
func (c *Clock) Read(
	ctx context.Context, directoryVersion func(context.Context) (version int64, now time.Time, err error),
) (version int64, err error) {
	before := time.Now()
	version, now, err := directoryVersion(ctx)
	if err != nil {
		return 0, err
	}
	// The store has read its clock between the request and the response.
	c.last.Store(&reading{time: now, at: before.Add(time.Since(before) / 2)})
	return version, nil
}

// Now returns the time by the store's clock, in UTC with microseconds. There
// must have been a reading. It is safe for concurrent use.
func (c *Clock) Now() time.Time {
	r := c.last.Load()
	return r.time.Add(time.Since(r.at)).UTC().Truncate(time.Microsecond)
}
