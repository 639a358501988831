package main

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Rule 24: a device that sends a refresh again after a lost response keeps its
// login. The test kills the server again and again while devices log in and
// refresh. The client has no leeway: after a lost response only the idempotency
// key helps.
//
// A login that is in progress when the server dies stays counted as a failed
// attempt. After a dozen of them the account would be throttled, so the
// operator unlocks it.
func TestCrash_NoLoginIsLost(t *testing.T) {
	const devices = 8
	kills := 20
	if testing.Short() {
		kills = 4
	}
	m := newDemoMachine(t)
	p := m.start("--dev").ready()
	m.signet("", "clients", "update", demoClient, "--leeway", "0s")
	demo := m.demo()

	var stop atomic.Bool
	var refreshes atomic.Int64
	var running sync.WaitGroup
	all, errs := make([]*device, devices), make([]error, devices)
	for i := range all {
		all[i] = &device{t: t, credentials: demo, tokens: tokens(t, m.grpc)}
		if err := all[i].login(); err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			for round := 1; errs[i] == nil && !stop.Load(); round++ {
				if i == 0 && round%20 == 0 { // one device also logs in again
					errs[i] = all[i].login()
				}
				errs[i] = errors.Join(errs[i], all[i].refresh())
				refreshes.Add(1)
			}
		})
	}

	for range kills {
		enough := refreshes.Load() + devices
		if !eventually(func() bool { return refreshes.Load() >= enough }) {
			t.Error("the server answers no refresh any more")
			break
		}
		<-time.After(time.Duration(rand.IntN(50)) * time.Millisecond)
		p.kill()
		p = m.start("--dev").ready()
		m.signet("", "users", "unlock", demo.Username)
	}
	stop.Store(true)
	running.Wait()

	for i, d := range all {
		if err := errors.Join(errs[i], d.refresh()); err != nil {
			t.Errorf("device %d lost its login: %v", i, err)
		}
	}
	t.Logf("%d kills, %d refreshes", kills, refreshes.Load())
}
