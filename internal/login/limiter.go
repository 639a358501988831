package login

import (
	"context"
	"sync"

	"github.com/signetd/signet/internal/throttle"
)

// maxConcurrent is the maximum number of concurrent attempts at one account on
// this server. An attempt stays counted until it is refunded. Without this
// limit, the last of many concurrent valid attempts would be over the limit of
// the account.
const maxConcurrent = 2

// An accountLimiter limits the concurrent attempts at each account. Further
// attempts wait.
type accountLimiter struct {
	mu       sync.Mutex
	accounts map[throttle.Key]*accountSlots
}

type accountSlots struct {
	slots chan struct{}
	// refs is the number of attempts that have a slot or wait for one.
	refs int
}

// acquire waits for a slot of the account, or until ctx ends. release frees the
// slot. It may be called more than once.
func (l *accountLimiter) acquire(ctx context.Context, key throttle.Key) (release func(), err error) {
	a := l.account(key)
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		l.done(key, a)
		return nil, ctx.Err()
	}
	return sync.OnceFunc(func() {
		<-a.slots
		l.done(key, a)
	}), nil
}

// account returns the slots of the account and adds a reference to them.
func (l *accountLimiter) account(key throttle.Key) *accountSlots {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[key]
	if a == nil {
		a = &accountSlots{slots: make(chan struct{}, maxConcurrent)}
		if l.accounts == nil {
			l.accounts = map[throttle.Key]*accountSlots{}
		}
		l.accounts[key] = a
	}
	a.refs++
	return a
}

// done removes a reference to the slots, and deletes slots without references.
func (l *accountLimiter) done(key throttle.Key, a *accountSlots) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.refs--; a.refs == 0 {
		delete(l.accounts, key)
	}
}
