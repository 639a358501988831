package issuer

import (
	"context"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// A place is a place in the queue of signatures, for one algorithm. The zero
// value holds none.
type place struct {
	algorithm string
	leave     func()
}

// take takes a place for a signature of the algorithm, unless p holds one. It
// returns temporarily_unavailable if there is none in time, or no key may sign.
func (p *place) take(ctx context.Context, k *keys.Manager, algorithm string) error {
	if p.algorithm == algorithm {
		return nil
	}
	p.release()
	leave, err := k.Reserve(ctx, algorithm)
	if err != nil {
		return oauth.Unavailable(err)
	}
	p.algorithm, p.leave = algorithm, leave
	if _, err := k.Signer(algorithm); err != nil {
		return oauth.Unavailable(err)
	}
	return nil
}

// release frees the place, if p holds one.
func (p *place) release() {
	if p.leave != nil {
		p.leave()
	}
	*p = place{}
}
