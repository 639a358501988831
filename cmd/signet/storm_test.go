package main

import (
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A device holds one login and refreshes it as a client should: it keeps the token with a key of its own, and presents both
// again until there is an answer.
type device struct {
	t      *testing.T
	facts  devFacts
	tokens signetv1.TokenServiceClient
	token  string
	key    string
}

func (d *device) keep(token string) { d.token, d.key = token, rand.Text() }

// login logs in; a call that finds nobody is made again.
func (d *device) login() error {
	for {
		ctx, cancel := as(d.t, d.facts.ClientID, d.facts.ClientSecret)
		answer, err := d.tokens.Login(ctx, &signetv1.LoginRequest{Username: d.facts.Username, Password: d.facts.Password})
		cancel()
		if err == nil {
			d.keep(answer.GetRefreshToken())
			return nil
		}
		if !worthAnotherTry(err) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}

// refresh moves the login on once, however often it has to ask.
func (d *device) refresh() error {
	for {
		ctx, cancel := as(d.t, d.facts.ClientID, d.facts.ClientSecret)
		answer, err := d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
		cancel()
		if err == nil {
			d.keep(answer.GetRefreshToken())
			return nil
		}
		if !worthAnotherTry(err) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}

// worthAnotherTry is what a client knows of an error: whether its login may still be good.
func worthAnotherTry(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	}
	return false
}

// TestStorm kills the server again and again without a warning, while devices log in and refresh. The client has no leeway:
// only its idempotency keys bring a lost answer back. No login may be lost. A login that is under way when the server dies
// stays counted as a guess, so after a dozen of them the account would be throttled; the operator unlocks it.
func TestStorm(t *testing.T) {
	const devices = 8
	kills := 20
	if testing.Short() {
		kills = 4
	}
	m := newDemo(t)
	p := m.start("--dev").ready()
	m.signet("", "clients", "update", demoClient, "--leeway", "0s")
	facts := m.facts()

	var stop atomic.Bool
	var moved atomic.Int64
	var wait sync.WaitGroup
	held, lost := make([]*device, devices), make([]error, devices)
	for i := range held {
		held[i] = &device{t: t, facts: facts, tokens: tokens(t, m.grpc)}
		if err := held[i].login(); err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			for round := 1; lost[i] == nil && !stop.Load(); round++ {
				if i == 0 && round%20 == 0 { // one device logs in now and then
					lost[i] = held[i].login()
				}
				lost[i] = errors.Join(lost[i], held[i].refresh())
				moved.Add(1)
			}
		})
	}
	for range kills {
		enough := moved.Load() + devices
		if !eventually(func() bool { return moved.Load() >= enough }) {
			t.Error("no refresh is answered any more")
			break
		}
		<-time.After(time.Duration(mathrand.IntN(50)) * time.Millisecond)
		p.kill()
		p = m.start("--dev").ready()
		m.signet("", "users", "unlock", facts.Username)
	}
	stop.Store(true)
	wait.Wait()
	for i, d := range held {
		if err := errors.Join(lost[i], d.refresh()); err != nil {
			t.Errorf("device %d lost its login: %v", i, err)
		}
	}
	t.Logf("%d kills, %d answered refreshes", kills, moved.Load())
}
