package verify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// introspectTimeout is the time limit of one request.
	introspectTimeout = 2 * time.Second
	// introspectShare is for how long an answer counts.
	introspectShare = time.Second
	// maxIntrospections is how many requests there may be at the same time,
	// and maxIntrospected how many tokens have an answer that counts.
	maxIntrospections, maxIntrospected = 100, 10_000
	// maxIntrospection is the maximum size of an answer.
	maxIntrospection = 64 << 10
)

// An introspector asks the issuer whether tokens are active (RFC 7662). Calls
// about one token share a request, and its answer for a second.
type introspector struct {
	transport *transport
	address   string
	tasks     *tasks
	slots     chan struct{}

	mu    sync.Mutex
	asked map[[sha256.Size]byte]*question
}

// A question is a request about a token. active and err are set when done is
// closed.
type question struct {
	sent   time.Time
	done   chan struct{}
	active bool
	err    error
}

func newIntrospector(t *transport, address string, tasks *tasks) *introspector {
	return &introspector{
		transport: t, address: address, tasks: tasks,
		slots: make(chan struct{}, maxIntrospections), asked: map[[sha256.Size]byte]*question{},
	}
}

// active reports whether a token is active. The error is ErrUnavailable, or
// that of ctx.
func (i *introspector) active(ctx context.Context, token string) (bool, error) {
	q := i.question(token)
	if q == nil {
		return false, fmt.Errorf("%w: too many introspections", ErrUnavailable)
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		return false, contextError(ctx)
	}
	if q.err != nil {
		return false, fmt.Errorf("%w: introspection: %w", ErrUnavailable, q.err)
	}
	return q.active, nil
}

// question returns the question about a token, and asks it if necessary. It
// returns nil if there are too many, and after Close.
func (i *introspector) question(token string) *question {
	id := sha256.Sum256([]byte(token))
	i.mu.Lock()
	defer i.mu.Unlock()
	if q := i.asked[id]; q != nil && time.Since(q.sent) < introspectShare {
		return q
	}
	if len(i.asked) >= maxIntrospected {
		for id, q := range i.asked {
			if time.Since(q.sent) >= introspectShare {
				delete(i.asked, id)
			}
		}
	}
	if len(i.asked) >= maxIntrospected {
		return nil
	}
	select {
	case i.slots <- struct{}{}:
	default:
		return nil
	}

	q := &question{sent: time.Now(), done: make(chan struct{})}
	started := i.tasks.start(func() {
		q.active, q.err = i.ask(token)
		close(q.done)
		<-i.slots
	})
	if !started {
		<-i.slots
		return nil
	}
	i.asked[id] = q
	return q
}

// ask sends a request about a token (RFC 7662 §2.1).
func (i *introspector) ask(token string) (active bool, err error) {
	ctx, cancel := context.WithTimeout(i.tasks.ctx, introspectTimeout)
	defer cancel()
	body := url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.address, strings.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	i.transport.authenticate(r.Header)
	got, err := i.transport.do(r, maxIntrospection, introspectTimeout)
	if err != nil {
		return false, err
	}
	if got.status != http.StatusOK {
		return false, errStatus(got.status)
	}
	var answer struct {
		Active *bool `json:"active"`
	}
	if json.Unmarshal(got.body, &answer) != nil || answer.Active == nil {
		return false, errors.New("the answer is malformed")
	}
	return *answer.Active, nil
}
