package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A target is the issuer that is measured, and who calls it.
type target struct {
	grpc, http         string
	clientID, secret   string
	username, password string
	audience           string

	calls signetv1.TokenServiceClient
	fetch *http.Client
	close func()
}

// open gets ready for so many calls in flight, which share one connection, on no more threads than that: one that spins for work
// beside a lone call takes a core from whoever answers it.
func (t *target) open(inFlight int) {
	// RFC 6749 §2.3.1
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(t.clientID)+":"+url.QueryEscape(t.secret)))
	w := &wire{address: t.grpc, authorization: basic}
	t.calls = signetv1.NewTokenServiceClient(w)
	t.fetch = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}, Timeout: 10 * time.Second}
	threads := runtime.GOMAXPROCS(min(inFlight, runtime.NumCPU()))
	t.close = func() {
		runtime.GOMAXPROCS(threads)
		t.fetch.CloseIdleConnections()
		_ = w.Close() // nothing is owed to a connection that only asked
	}
}

func (t *target) audiences() []string {
	if t.audience == "" {
		return nil
	}
	return []string{t.audience}
}

// operations are what can be measured: each prepares one worker.
var operations = map[string]func(*target, context.Context) (worker, error){
	"login":      (*target).login,
	"refresh":    (*target).refresh,
	"mint":       (*target).mint,
	"introspect": (*target).introspect,
	"revoke":     (*target).revoke,
	"jwks":       (*target).jwks,
}

// worker prepares one worker of an operation.
func (t *target) worker(ctx context.Context, name string) (worker, error) {
	prepare, ok := operations[name]
	if !ok {
		return nil, fmt.Errorf("there is no operation %q", name)
	}
	return prepare(t, ctx)
}

// timed measures a call.
func timed(call func() error) (time.Duration, error) {
	began := time.Now()
	err := call()
	return time.Since(began), err
}

func (t *target) loginRequest() *signetv1.LoginRequest {
	return &signetv1.LoginRequest{Username: t.username, Password: t.password, Audience: t.audiences()}
}

func (t *target) login(context.Context) (worker, error) {
	return func(ctx context.Context) (time.Duration, error) {
		return timed(func() error {
			_, err := t.calls.Login(ctx, t.loginRequest())
			return err
		})
	}, nil
}

// refresh has a grant for each worker, who stores each refresh token with an idempotency key as clients should.
func (t *target) refresh(ctx context.Context) (worker, error) {
	g, err := t.grant(ctx)
	if err != nil {
		return nil, err
	}
	held, key := g.GetRefreshToken(), rand.Text()
	return func(ctx context.Context) (time.Duration, error) {
		return timed(func() error {
			answer, err := t.calls.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: held, IdempotencyKey: key})
			if err == nil {
				held, key = answer.GetRefreshToken(), rand.Text()
			}
			return err
		})
	}, nil
}

func (t *target) mint(context.Context) (worker, error) {
	request := &signetv1.MintRequest{Audience: t.audiences()}
	return func(ctx context.Context) (time.Duration, error) {
		return timed(func() error {
			_, err := t.calls.Mint(ctx, request)
			return err
		})
	}, nil
}

func (t *target) introspect(ctx context.Context) (worker, error) {
	g, err := t.grant(ctx)
	if err != nil {
		return nil, err
	}
	request := &signetv1.IntrospectRequest{Token: g.GetTokens()[0].GetAccessToken()}
	return func(ctx context.Context) (time.Duration, error) {
		return timed(func() error {
			answer, err := t.calls.Introspect(ctx, request)
			if err == nil && !answer.GetActive() {
				err = errInactive
			}
			return err
		})
	}, nil
}

var errInactive = fmt.Errorf("the token is not active")

// revoke makes a grant each time, and measures its end alone.
func (t *target) revoke(context.Context) (worker, error) {
	return func(ctx context.Context) (time.Duration, error) {
		g, err := t.grant(ctx)
		if err != nil {
			return 0, err
		}
		return timed(func() error {
			_, err := t.calls.Revoke(ctx, &signetv1.RevokeRequest{Token: g.GetRefreshToken()})
			return err
		})
	}, nil
}

func (t *target) jwks(context.Context) (worker, error) {
	address := "http://" + t.http + "/.well-known/jwks.json"
	return func(ctx context.Context) (time.Duration, error) {
		return timed(func() error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
			if err != nil {
				return err
			}
			response, err := t.fetch.Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode == http.StatusOK {
				return err
			}
			return fmt.Errorf("%s answered %s", address, response.Status)
		})
	}, nil
}

// grant makes a grant without the cost of a password: the client mints it for a subject of its own.
func (t *target) grant(ctx context.Context) (*signetv1.MintResponse, error) {
	return t.calls.Mint(ctx, &signetv1.MintRequest{
		Audience: t.audiences(), Subject: "lab-" + strings.ToLower(rand.Text()), Refresh: true,
	})
}
