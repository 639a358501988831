package feed

import (
	"errors"
	"sync"

	"github.com/signetd/signet/internal/oauth"
)

// maxFull is how many answers with all entries may be in progress.
const maxFull = 16

var errBusy = errors.New("too many verifiers read all revocations at the same time")

// fullAnswers has the latest segment with all entries, which the answers share.
type fullAnswers struct {
	slots chan struct{}

	mu      sync.Mutex // held while the segment is made
	segment *Segment
}

// reserve reserves one of maxFull answers. It returns temporarily_unavailable
// if all are in progress.
func (a *fullAnswers) reserve() (release func(), err error) {
	select {
	case a.slots <- struct{}{}:
		return sync.OnceFunc(func() { <-a.slots }), nil
	default:
		return nil, oauth.Unavailable(errBusy)
	}
}
