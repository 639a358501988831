package feed

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

const (
	// MaxWait is the longest time that a poll may wait.
	MaxWait = 10 * time.Second
	// drainDelay is the pause of callers that poll a server which drains.
	drainDelay = time.Second
	// manySegments is the number of segments from which on their size is
	// compared with that of all entries.
	manySegments = 16
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
	// Release is never nil. The caller calls it when it needs the Segments
	// no more. At most 16 answers with all entries may be in use.
	Release func()
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

	kind, a := unchanged, Answer{Release: func() {}}
	if !r.Full && r.After == s.position && r.Wait > 0 {
		var err error
		if a.Delay, err = f.wait(ctx, s, min(r.Wait, MaxWait)); err != nil {
			return Answer{}, err
		}
		if a.Delay > 0 {
			kind = delayed
		}
		s = f.state.Load()
	}

	segments, ok := s.after(r.After)
	if r.Full || !ok || f.prefersFull(s, segments) {
		return f.answerFull(began)
	}
	if r.After != s.position {
		kind = news
	}
	f.o.Observer.answered(kind)
	a.Segments, a.Position = segments, s.position
	a.Held, a.Age = time.Since(began), time.Since(s.confirmed)
	return a, nil
}

// prefersFull reports whether all entries are smaller than many segments.
func (f *Feed) prefersFull(s *state, segments []*Segment) bool {
	if len(segments) <= manySegments {
		return false
	}
	size := 0
	for _, segment := range segments {
		size += segment.size()
	}
	return size > s.entries*revocation.EntrySize*4/3
}

func (f *Feed) answerFull(began time.Time) (Answer, error) {
	release, err := f.full.reserve()
	if err != nil {
		f.o.Observer.answered(refused)
		return Answer{}, err
	}
	s, segments, err := f.all()
	if err != nil {
		release()
		f.o.Observer.answered(refused)
		return Answer{}, err
	}
	f.o.Observer.answered(full)
	return Answer{
		Segments: segments, Position: s.position, Release: release,
		Held: time.Since(began), Age: time.Since(s.confirmed),
	}, nil
}

// wait waits until the state has changed, the time has passed, or the server
// drains. It returns a delay if the caller was answered before its time. It
// returns the error of ctx if ctx ends first.
func (f *Feed) wait(ctx context.Context, s *state, limit time.Duration) (delay time.Duration, err error) {
	select {
	case <-f.drained:
		return min(limit, drainDelay), nil
	default:
	}
	defer f.waiting.Add(-1)
	if f.waiting.Add(1) > int64(f.o.MaxWaiting) {
		return limit, nil
	}

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
