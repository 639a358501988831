package batch

import "errors"

// ErrPanicked is the error of every request of a batch if Run panicked or
// returned the wrong number of results.
var ErrPanicked = errors.New("the batch panicked")

// Result is the outcome of one request.
type Result[Res any] struct {
	Value Res
	Err   error
}

// SameError returns n results that all have the error err, which may be nil.
// Run uses it for a batch that succeeds or fails as a whole.
func SameError[Res any](n int, err error) []Result[Res] {
	results := make([]Result[Res], n)
	for i := range results {
		results[i].Err = err
	}
	return results
}
