package batch

import (
	"context"
	"time"
)

// Options configures a Batcher.
type Options[K comparable, Req, Res any] struct {
	// Run answers the requests of one batch. It returns one Result for each
	// request, in the order of the requests. It gets no context, because a
	// caller that stops waiting must not cancel the requests of the others. Run
	// must limit its own time. Required.
	Run func([]Req) []Result[Res]

	// RunOne answers a request that is in a batch of its own, instead of Run.
	// It runs on the goroutine of the caller, and gets the caller's context.
	// nil means that Run answers all requests.
	RunOne func(context.Context, Req) (Res, error)

	// Key returns the key of a request. A batch holds at most one request for
	// each key; the second request goes into a later batch. nil means that any
	// requests may share a batch.
	Key func(Req) K

	// MaxInProgress is the maximum number of batches in progress. Required.
	MaxInProgress int

	// MaxSize is the maximum number of requests in a batch. Required.
	MaxSize int

	// MaxUnbatched is the maximum number of concurrent requests that do not
	// share batches. Up to this number, each request runs at once in a batch of
	// its own, even if that makes more than MaxInProgress batches. Above it,
	// requests share batches. They go on sharing for busyPeriod, because
	// clients that sent requests together are likely to do so again.
	//
	// Zero means that only MaxInProgress counts: while fewer batches are in
	// progress, each request runs at once in a batch of its own.
	MaxUnbatched int

	// Pause runs after the callers of a batch have their results and before the
	// next batch. Requests that arrive in this time share the next batch. nil
	// means no pause. It does not run after a batch that a caller runs on its
	// own goroutine (see MaxRunTime).
	Pause func()

	// MaxRunTime is the maximum duration of Run. If it is set, a caller whose
	// request is in a batch of its own calls Run on its own goroutine, because
	// waking another goroutine takes longer than many requests do. The caller's
	// deadline must be at least MaxRunTime away, or WaitForResult must be set.
	//
	// Zero means that the duration is unknown. Then Run is always called on a
	// separate goroutine.
	MaxRunTime time.Duration

	// WaitForResult makes Do wait for the result of a dispatched request even
	// when the caller's context ends.
	WaitForResult bool

	// OnDispatch receives the size of each batch before Run is called. It must
	// not block. nil means no observer.
	OnDispatch func(size int)
}
