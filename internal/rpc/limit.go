package rpc

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

const (
	// maxLimitedCalls is how many limited calls of one client a server runs at
	// the same time.
	maxLimitedCalls = 4
	// limitWait is how long another limited call waits until one of them ends.
	limitWait = time.Second
)

// isLimited reports whether a method is limited. These methods read or change
// many rows, or read all clients. Their work must not delay the logins and
// refreshes of others.
func isLimited(method string) bool {
	switch method {
	case signetv1.GrantService_ListGrants_FullMethodName, signetv1.GrantService_RevokeAllGrants_FullMethodName:
		return true
	}
	return strings.HasPrefix(method, "/"+signetv1.AdminService_ServiceDesc.ServiceName+"/")
}

// A callLimiter limits the concurrent calls of each client. The zero
// callLimiter has no calls.
type callLimiter struct {
	mu      sync.Mutex
	clients map[string]*clientCalls // those with calls that run or wait
}

// clientCalls are the calls of one client.
type clientCalls struct {
	// number is how many calls run or wait.
	number int
	// running has an element for each call that runs.
	running chan struct{}
}

var errTooManyCalls = errors.New("the client has too many calls of this kind in progress")

// acquire waits until another call of the client may run. It returns slow_down
// if the call may not run within limitWait. Otherwise the caller must call
// release when the call has ended.
func (l *callLimiter) acquire(ctx context.Context, clientID string) (release func(), err error) {
	calls := l.add(clientID)
	timer := time.NewTimer(limitWait)
	defer timer.Stop()
	select {
	case calls.running <- struct{}{}:
		return func() { <-calls.running; l.remove(clientID) }, nil
	case <-timer.C:
		e := oauth.Refused(oauth.SlowDown, errTooManyCalls)
		e.RetryAfter = limitWait
		err = e
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.remove(clientID)
	return nil, err
}

// add adds a call of the client.
func (l *callLimiter) add(clientID string) *clientCalls {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := l.clients[clientID]
	if calls == nil {
		calls = &clientCalls{running: make(chan struct{}, maxLimitedCalls)}
		if l.clients == nil {
			l.clients = make(map[string]*clientCalls)
		}
		l.clients[clientID] = calls
	}
	calls.number++
	return calls
}

// remove removes a call of the client that has ended.
func (l *callLimiter) remove(clientID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := l.clients[clientID]
	if calls.number--; calls.number == 0 {
		delete(l.clients, clientID)
	}
}
