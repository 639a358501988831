package main

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

const (
	// patience bounds one request of a browser, all attempts included; attemptTime bounds one attempt.
	patience    = 20 * time.Second
	attemptTime = 3 * time.Second
	// firstWait is how long to wait before a second attempt. It doubles, up to lastWait.
	firstWait = 50 * time.Millisecond
	lastWait  = 2 * time.Second
	// margin is how long an access token must still live for a request that it goes along with.
	margin = 10 * time.Second
)

// A session is one login of a user in one browser.
type session struct {
	subject string
	ends    time.Time // not before; the issuer knows exactly

	mu      sync.Mutex // of all requests of a browser one refreshes, and the others wait for it
	access  string
	expires time.Time
	refresh string
	// key belongs to the refresh token beside it: every attempt to use that token carries it, also after a restart if both are
	// stored, and so the issuer knows an attempt again whose answer was lost.
	key string
}

// keep takes the tokens of an answer, and makes the key for the next time.
func (s *session) keep(t *signetv1.TokenResponse) {
	now := time.Now()
	s.access, s.expires = t.GetAccessToken(), now.Add(time.Duration(t.GetExpiresIn())*time.Second)
	s.refresh, s.key = t.GetRefreshToken(), rand.Text()
}

// errLoggedOut says that the login is over: the one reason to forget it.
var errLoggedOut = errors.New("the login is over")

// token returns an access token that is good for a while.
func (g *gateway) token(ctx context.Context, s *session) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Until(s.expires) > margin {
		return s.access, nil
	}
	request := &signetv1.RefreshRequest{RefreshToken: s.refresh, IdempotencyKey: s.key}
	answer, err := patiently(ctx, func(ctx context.Context) (*signetv1.TokenResponse, error) {
		return g.tokens.Refresh(g.as(ctx), request)
	})
	switch {
	case reasonOf(err) == "INVALID_GRANT":
		return "", errLoggedOut
	case err != nil:
		return "", err // the token is not spent, or its successor waits under the same key: the session stays
	}
	s.keep(answer)
	return s.access, nil
}

// patiently calls until there is an answer: what is unavailable, overloaded or silent is asked again. It is for calls that may
// be repeated: those with an idempotency key, and those that end something.
func patiently[T any](ctx context.Context, call func(context.Context) (T, error)) (answer T, err error) {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		attempt, cancel := context.WithTimeout(ctx, attemptTime)
		answer, err = call(attempt)
		cancel()
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		default:
			return answer, err
		}
		select {
		case <-time.After(max(askedFor(err), wait/2+time.Duration(mathrand.Int64N(int64(wait))))):
		case <-ctx.Done():
			return answer, err
		}
	}
}

// reasonOf returns the issuer's reason for an error. The code alone would not do: UNAUTHENTICATED is also said to a gateway
// that is not known itself, and that is no fault of its users.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "signet" {
			return info.GetReason()
		}
	}
	return ""
}

// askedFor returns the delay that the issuer asks for.
func askedFor(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// sessions are kept in memory, which is enough for an example: a restart logs everybody out. A store must keep the refresh
// token and its key together, and write both before it answers.
type sessions struct {
	mu  sync.Mutex
	all map[string]*session // by cookie
}

// add begins a session and returns its cookie. Sessions that nobody came back to are forgotten on the way.
func (s *sessions) add(new *session) (cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.all, func(_ string, old *session) bool { return now.After(old.ends) })
	if s.all == nil {
		s.all = make(map[string]*session)
	}
	cookie = rand.Text()
	s.all[cookie] = new
	return cookie
}

func (s *sessions) find(cookie string) (*session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.all[cookie]
	return found, ok
}

func (s *sessions) end(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, cookie)
}

// endAll ends all sessions of a user.
func (s *sessions) endAll(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.all, func(_ string, old *session) bool { return old.subject == subject })
}
