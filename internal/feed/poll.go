package feed

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

const (
	// MaxWait is the longest time that a poll may wait.
	MaxWait = 10 * time.Second
	// drainDelay is the pause of callers that poll a server which drains.
	drainDelay = time.Second
	// addressShare is the part of the polls that may wait which one address
	// may have.
	addressShare = 2
)

var errNotRead = errors.New("the log of revocations was not read yet")

// A Request is a poll of a verifier.
type Request struct {
	// After is the position of the caller.
	After revocation.Position
	// Full requests all entries, whatever After is. Such a poll does not
	// wait.
	Full bool
	// Wait is how long the poll waits if there is nothing after the
	// position. At most MaxWait counts.
	Wait time.Duration
	// Address is that of the caller, or the zero address if it is not known.
	Address netip.Addr
	// Name is a name of the caller, for operators. Keys is the ETag of the
	// JWK Set that it has. Both may be empty.
	Name, Keys string
}

// An Answer is the answer to a poll.
type Answer struct {
	// Segments follow on each other. The first one begins at the position
	// of the caller or before it, or has all entries.
	Segments []*Segment
	// Position is at the end of the segments.
	Position revocation.Position
	// Held is how long the poll waited. Age is how old the answer is: the
	// time since the server began to ask the store.
	Held, Age time.Duration
	// Delay is how long the caller must wait before its next poll. Zero
	// means that it may poll at once.
	Delay time.Duration
}

// Poll returns what is in the log after the position of the caller. If there is
// nothing, it waits. It returns temporarily_unavailable if the server has no
// answer, and the error of ctx if ctx ends.
func (f *Feed) Poll(ctx context.Context, r Request) (Answer, error) {
	began := time.Now()
	s := f.state.Load()
	if s == nil {
		f.o.Observer.answered(refused)
		return Answer{}, oauth.Unavailable(errNotRead)
	}
	f.o.Callers.add(r, s.behind(r.After))
	// The table of a server that ran while the log was rewound has entries
	// that the log lacks. A caller without any entry gets these, too.
	if r.Full || r.After.Seq == 0 && s.position.Seq > 0 {
		return f.answerFull(began)
	}
	delay, err := f.wait(ctx, r, began)
	if err != nil {
		return Answer{}, err
	}

	s = f.state.Load()
	segments, ok := s.after(r.After)
	if !ok || s.prefersFull(segments) {
		return f.answerFull(began)
	}
	switch {
	case r.After != s.position:
		f.o.Observer.answered(news)
	case delay > 0:
		f.o.Observer.answered(delayed)
	default:
		f.o.Observer.answered(unchanged)
	}
	return Answer{
		Segments: segments, Position: s.position, Delay: delay,
		Held: time.Since(began), Age: time.Since(s.confirmed),
	}, nil
}

func (f *Feed) answerFull(began time.Time) (Answer, error) {
	s, segments, err := f.all()
	if err != nil {
		f.o.Observer.answered(refused)
		return Answer{}, err
	}
	f.o.Observer.answered(full)
	return Answer{
		Segments: segments, Position: s.position,
		Held: time.Since(began), Age: time.Since(s.confirmed),
	}, nil
}

// wait waits while there is nothing after a position, at most for the given
// time since began. It returns a delay if the caller was answered before its
// time, and the error of ctx if ctx ends first.
func (f *Feed) wait(ctx context.Context, r Request, began time.Time) (delay time.Duration, err error) {
	s, after, limit := f.state.Load(), r.After, min(r.Wait, MaxWait)
	// Another server has already read an entry that this one has not. Or
	// the log was rewound: then this server will not read it, and the
	// caller gets all entries.
	catchUp := min(limit, f.o.PollInterval+2*signEvery)
	for after.Seq > s.position.Seq && time.Since(began) < catchUp {
		if delay, err = f.waitFor(ctx, r.Address, s, catchUp-time.Since(began)); delay > 0 || err != nil {
			return delay, err
		}
		s = f.state.Load()
	}
	if after == s.position && time.Since(began) < limit {
		return f.waitFor(ctx, r.Address, s, limit-time.Since(began))
	}
	return 0, nil
}

// waitFor waits until the state has changed, the time has passed, or the server
// drains.
func (f *Feed) waitFor(
	ctx context.Context, address netip.Addr, s *state, limit time.Duration,
) (delay time.Duration, err error) {
	select {
	case <-f.drained:
		return min(limit, drainDelay), nil
	default:
	}
	place := f.waiting.Add(address)
	if place == nil {
		return limit, nil
	}
	defer place.Release()

	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.changed:
	case <-timer.C:
	case <-f.drained:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return 0, nil
}
