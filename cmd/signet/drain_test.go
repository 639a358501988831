package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// TestDrainUnderLoad: a server that is told to stop under load fails no request of callers that go elsewhere when it says
// that it is not ready, as load balancers do.
func TestDrainUnderLoad(t *testing.T) {
	m := newDemo(t, "SIGNET_SHUTDOWN_DRAIN=500ms")
	p := m.start("--dev").ready()
	facts := m.facts()

	var leave atomic.Bool
	var answered atomic.Int64
	var wait sync.WaitGroup
	work := func(name string, ask func() error) {
		wait.Go(func() {
			for !leave.Load() {
				if err := ask(); err != nil {
					t.Errorf("%s failed: %v", name, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for range 6 {
		d := &device{t: t, facts: facts, tokens: tokens(t, m.grpc)}
		if err := d.login(); err != nil {
			t.Fatal(err)
		}
		work("refresh", func() error {
			ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
			defer cancel()
			answer, err := d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
			if err == nil {
				d.keep(answer.GetRefreshToken())
			}
			return err
		})
		client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
		work("JWK Set", func() error {
			answer, err := client.Get("http://" + m.http + "/.well-known/jwks.json")
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return fmt.Errorf("%s", answer.Status)
			}
			return nil
		})
	}
	if !eventually(func() bool { return answered.Load() > 100 }) {
		t.Fatal("there is no load")
	}
	if err := p.c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return statusAt("http://"+m.http+"/readyz") == http.StatusServiceUnavailable }) {
		t.Error("the server that drains does not say that it is not ready")
	}
	leave.Store(true)
	wait.Wait()
	if err := p.drained(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	t.Logf("%d requests were answered", answered.Load())
}

// TestDrainAnswersWhatItOwes: calls that were under way when the server was told to stop are answered, without any time to
// go elsewhere.
func TestDrainAnswersWhatItOwes(t *testing.T) {
	const logins = 12
	m := newDemo(t, "SIGNET_PASSWORD_MEMORY_BUDGET=19MiB") // so that they take their time, one after the other
	p := m.start("--dev").ready()
	facts, caller := m.facts(), tokens(t, m.grpc)
	answers := make(chan error, logins)
	for range logins {
		go func() {
			ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
			defer cancel()
			_, err := caller.Login(ctx, &signetv1.LoginRequest{Username: facts.Username, Password: facts.Password})
			answers <- err
		}()
	}
	first := <-answers // the others came with it
	if err := p.c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range logins {
		err := first
		if i > 0 {
			err = <-answers
		}
		if err != nil {
			failed++
			t.Logf("a login failed: %v", err)
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d logins under way failed", failed, logins)
	}
	if err := p.drained(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// TestDrainSignsToTheEnd: callers that have not gone elsewhere yet are served as long as the doors are open, however old the
// keys would be by then if nobody asked for news of them.
func TestDrainSignsToTheEnd(t *testing.T) {
	t.Parallel() // it mostly waits

	m := newDemo(t, "SIGNET_SHUTDOWN_DRAIN=4s", "SIGNET_KEYS_POLL_INTERVAL=1s") // a ring of 2.5 s does not sign
	p := m.start("--dev").ready()
	d := &device{t: t, facts: m.facts(), tokens: tokens(t, m.grpc)}
	if err := d.login(); err != nil {
		t.Fatal(err)
	}
	if err := p.c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 33 {
		<-tick.C
		ctx, cancel := as(t, d.facts.ClientID, d.facts.ClientSecret)
		answer, err := d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		d.keep(answer.GetRefreshToken())
	}
	if err := p.drained(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// TestSecondSignal: who does not want to wait for the drain says so twice.
func TestSecondSignal(t *testing.T) {
	m := newDemo(t, "SIGNET_SHUTDOWN_DRAIN=20s")
	p := m.start("--dev").ready()
	began := time.Now()
	for range 2 {
		if err := p.c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(func() bool { return statusAt("http://"+m.at+"/readyz") != http.StatusOK })
	}
	<-p.ended
	if code := p.c.ProcessState.ExitCode(); code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestFirstRequest: on an existing SQLite store the first request is answered in under half a second.
func TestFirstRequest(t *testing.T) {
	const limit = 500 * time.Millisecond
	m := newDemo(t)
	best := time.Hour
	for range 3 {
		began := time.Now()
		p := m.start("--dev")
		if !eventually(func() bool { return statusAt("http://"+m.http+"/.well-known/jwks.json") == http.StatusOK }) {
			t.Fatal("no answer")
		}
		best = min(best, time.Since(began))
		if err := p.drain(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the first answer came %s after the start", best)
	if best > limit {
		t.Errorf("the first answer came %s after the start, later than %s", best, limit)
	}
}
