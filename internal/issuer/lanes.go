package issuer

import (
	"context"
	"sync"

	"github.com/signetd/signet/internal/throttle"
)

// lanesOfAccount is how many guesses at one account are made at once here. All of them are counted while they are made, and
// if there were many, the last of them would find the allowance used up, though all be right.
const lanesOfAccount = 2

// lanes lets few guesses at one account be made at once, and the others wait.
type lanes struct {
	mu sync.Mutex
	of map[throttle.Key]*lane
}

type lane struct {
	places chan struct{}
	// inside is how many are in the lane or wait for it.
	inside int
}

// enter waits for a place, which is given back with leave, more than once if need be.
func (l *lanes) enter(ctx context.Context, key throttle.Key) (leave func(), err error) {
	one := l.join(key)
	select {
	case one.places <- struct{}{}:
	case <-ctx.Done():
		l.part(key, one)
		return nil, ctx.Err()
	}
	return sync.OnceFunc(func() {
		<-one.places
		l.part(key, one)
	}), nil
}

func (l *lanes) join(key throttle.Key) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.of[key]
	if one == nil {
		one = &lane{places: make(chan struct{}, lanesOfAccount)}
		if l.of == nil {
			l.of = map[throttle.Key]*lane{}
		}
		l.of[key] = one
	}
	one.inside++
	return one
}

// part forgets a lane that nobody is in.
func (l *lanes) part(key throttle.Key, one *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.inside--; one.inside == 0 {
		delete(l.of, key)
	}
}
