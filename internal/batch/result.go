package batch

import "errors"

// ErrPanicked is the error of every request of a batch if Run panicked or
// returned the wrong number of results.
var ErrPanicked = errors.New("the batch panicked")

// Answer is the outcome of one request.
type Answer[Res any] struct {
	Value Res
	Err   error
}

// Whole returns n results that all have the error err, which may be nil. Run
// uses it for a batch that succeeds or fails as a whole.
func Whole[Res any](n int, err error) []Answer[Res] {
	results := make([]Answer[Res], n)
	for i := range results {
		results[i].Err = err
	}
	return results
}
