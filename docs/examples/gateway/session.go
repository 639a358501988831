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
	// requestTimeout limits one request of a browser, including all attempts to
	// call the issuer. attemptTimeout limits one attempt.
	requestTimeout = 20 * time.Second
	attemptTimeout = 3 * time.Second
	// firstBackoff is the wait before the second attempt. The wait doubles with
	// each attempt, up to maxBackoff.
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = 2 * time.Second
	// minLifetime is how long an access token must still be valid when the
	// gateway sends it to the API.
	minLifetime = 10 * time.Second
)

// A session is one login of a user in one browser.
type session struct {
	subject string
	// expiresAt is when the refresh token of the Login response expires if the
	// gateway does not use it.
	expiresAt time.Time

	// locked guards the fields below. It also makes concurrent requests of one
	// browser share a refresh: one request refreshes, and the others wait. It
	// is no sync.Mutex, because a request must stop waiting when its time is
	// over.
	locked          chan struct{}
	accessToken     string
	accessExpiresAt time.Time
	refreshToken    string
	// idempotencyKey belongs to refreshToken: every attempt to use that token
	// sends this key. So the issuer recognizes a retry after a lost response.
	// This also holds after a restart, if the gateway stores both.
	idempotencyKey string
}

// newSession returns the session of a Login response.
func newSession(t *signetv1.TokenResponse) *session {
	lifetime := time.Duration(t.GetRefreshExpiresIn()) * time.Second
	s := &session{subject: t.GetSubject(), expiresAt: time.Now().Add(lifetime), locked: make(chan struct{}, 1)}
	s.setTokens(t)
	return s
}

// lock waits until no other request uses the tokens of the session. It returns
// the error of ctx if ctx ends first.
func (s *session) lock(ctx context.Context) error {
	select {
	case s.locked <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *session) unlock() { <-s.locked }

// setTokens stores the tokens of a response. It also creates the idempotency
// key for the next refresh.
func (s *session) setTokens(t *signetv1.TokenResponse) {
	now := time.Now()
	s.accessToken = t.GetAccessToken()
	s.accessExpiresAt = now.Add(time.Duration(t.GetExpiresIn()) * time.Second)
	s.refreshToken, s.idempotencyKey = t.GetRefreshToken(), rand.Text()
}

// errLoginEnded means that the issuer has ended the login. This is the only
// error after which the gateway drops a session.
var errLoginEnded = errors.New("the login has ended")

// accessToken returns an access token of the session. It refreshes first if the
// stored token is valid for minLifetime or less. It returns errLoginEnded if
// the user must log in again.
func (g *gateway) accessToken(ctx context.Context, s *session) (string, error) {
	if err := s.lock(ctx); err != nil {
		return "", err
	}
	defer s.unlock()
	if time.Until(s.accessExpiresAt) > minLifetime {
		return s.accessToken, nil
	}

	request := &signetv1.RefreshRequest{RefreshToken: s.refreshToken, IdempotencyKey: s.idempotencyKey}
	response, err := retry(ctx, func(ctx context.Context) (*signetv1.TokenResponse, error) {
		return g.tokens.Refresh(g.authenticated(ctx), request)
	})
	switch {
	case errorReason(err) == "INVALID_GRANT":
		return "", errLoginEnded
	case err != nil:
		// Keep the session. Either the issuer has not used up the token, or the
		// next attempt with the same key, within the retry window, returns the
		// same successor.
		return "", err
	}
	s.setTokens(response)
	return s.accessToken, nil
}

// retry calls until the issuer answers. It calls again if the issuer is
// unavailable, overloaded or too slow, until ctx ends. Use it only for calls
// that are safe to repeat: those with an idempotency key, and revocations.
func retry[T any](ctx context.Context, call func(context.Context) (T, error)) (response T, err error) {
	for backoff := firstBackoff; ; backoff = min(2*backoff, maxBackoff) {
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		response, err = call(attempt)
		cancel()
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		default:
			return response, err
		}

		jittered := backoff/2 + time.Duration(mathrand.Int64N(int64(backoff)))
		select {
		case <-time.After(max(retryDelay(err), jittered)):
		case <-ctx.Done():
			return response, err
		}
	}
}

// errorReason returns the issuer's reason for an error, or "". The gRPC code is
// not enough: UNAUTHENTICATED can also mean that the issuer rejects the
// gateway's own credentials, which must not log out its users.
func errorReason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "signet" {
			return info.GetReason()
		}
	}
	return ""
}

// retryDelay returns the delay that the issuer requests before the next
// attempt, or 0.
func retryDelay(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// sessions holds all sessions in memory, which is enough for an example: a
// restart logs out all users. A persistent store must keep the refresh token
// and its idempotency key together, and write both before the gateway answers.
type sessions struct {
	mu  sync.Mutex
	all map[string]*session // by cookie
}

// add stores a session and returns its cookie. It deletes the sessions whose
// expiresAt has passed.
func (s *sessions) add(new *session) (cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.all, func(_ string, old *session) bool { return now.After(old.expiresAt) })
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

func (s *sessions) remove(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, cookie)
}

// removeAll deletes all sessions of a user.
func (s *sessions) removeAll(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.all, func(_ string, old *session) bool { return old.subject == subject })
}
