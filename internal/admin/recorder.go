package admin

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// A recorder writes the audit events of the operations.
type recorder struct {
	clock func() time.Time
	write func(context.Context, audit.Event) error
}

// now returns the time in microseconds, as stores have it.
func (r recorder) now() time.Time { return r.clock().UTC().Truncate(time.Microsecond) }

// record writes an event of the actor. If it fails, the operation fails.
func (r recorder) record(ctx context.Context, by audit.Actor, e audit.Event) error {
	e.Time, e.Actor = r.clock(), by
	if err := r.write(ctx, e); err != nil {
		return oauth.Unavailable(err)
	}
	return nil
}

// recordEnded is recordIfDone for an act on many grants. The event has the
// number of the live ones among them, and the moment of the act.
func (r recorder) recordEnded(ctx context.Context, by audit.Actor, e audit.Event, ended grant.Ended, err error) error {
	e.Count, e.Moment = ended.Live, ended.At
	return r.recordIfDone(ctx, by, e, err)
}

// recordIfDone writes the event of an operation that the store has answered
// with err. If err is not nil, it writes nothing and returns err.
func (r recorder) recordIfDone(ctx context.Context, by audit.Actor, e audit.Event, err error) error {
	if err != nil {
		return oauth.FromStore(err)
	}
	return r.record(ctx, by, e)
}
