package login

import (
	"context"
	"sync"
	"time"

	"github.com/signetd/signet/internal/throttle"
)

// maxConcurrent is the maximum number of concurrent attempts of one client at
// one account on this server. An attempt stays counted until it is refunded.
// Without this limit, the last of many concurrent valid attempts would be over
// the limit of the account.
const maxConcurrent = 2

// slotTimeout is how long an attempt waits for a slot at most, whatever its
// deadline is.
const slotTimeout = 3 * time.Second

// An accountLimiter limits the concurrent attempts of each client at each
// account. Further attempts wait. Those of other clients do not, because a
// client whose hashes wait for seconds would keep them from the account.
type accountLimiter struct {
	mu       sync.Mutex
	accounts map[slotKey]*accountSlots
}

type slotKey struct {
	account throttle.Key
	client  string
}

type accountSlots struct {
	slots chan struct{}
	// refs is the number of attempts that have a slot or wait for one.
	refs int
}

// acquire waits for a slot of the client at the account, until ctx ends or for
// slotTimeout. release frees the slot. It may be called more than once.
func (l *accountLimiter) acquire(ctx context.Context, key slotKey) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, slotTimeout)
	defer cancel()
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
func (l *accountLimiter) account(key slotKey) *accountSlots {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[key]
	if a == nil {
		a = &accountSlots{slots: make(chan struct{}, maxConcurrent)}
		if l.accounts == nil {
			l.accounts = map[slotKey]*accountSlots{}
		}
		l.accounts[key] = a
	}
	a.refs++
	return a
}

// done removes a reference to the slots, and deletes slots without references.
func (l *accountLimiter) done(key slotKey, a *accountSlots) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.refs--; a.refs == 0 {
		delete(l.accounts, key)
	}
}
