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

// A server that gets SIGTERM under load fails no request, if its callers choose
// another server once it is not ready, as load balancers do.
func TestDrain_FailsNoRequest(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_SHUTDOWN_DRAIN=500ms")
	p := m.start("--dev").ready()
	demo := m.demo()

	var stop atomic.Bool
	var answered atomic.Int64
	var running sync.WaitGroup
	repeat := func(name string, request func() error) {
		running.Go(func() {
			for !stop.Load() {
				if err := request(); err != nil {
					t.Errorf("%s failed: %v", name, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for range 6 {
		d := &device{t: t, credentials: demo, tokens: tokens(t, m.grpc)}
		if err := d.login(); err != nil {
			t.Fatal(err)
		}
		repeat("refresh", func() error {
			_, err := d.refreshOnce()
			return err
		})
		client := &http.Client{Transport: &http.Transport{}, Timeout: waitTimeout}
		repeat("JWK Set", func() error {
			response, err := client.Get("http://" + m.http + "/.well-known/jwks.json")
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("%s", response.Status)
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
	notReady := func() bool { return statusAt("http://"+m.http+"/readyz") == http.StatusServiceUnavailable }
	if !eventually(notReady) {
		t.Error("the draining server does not report that it is not ready")
	}
	stop.Store(true)
	running.Wait()
	if err := p.drained(); err != nil {
		t.Errorf("the server exited with %v", err)
	}
	t.Logf("%d requests were answered", answered.Load())
}

// A draining server answers the calls in progress, even without time for its
// callers to choose another server.
func TestDrain_AnswersCallsInProgress(t *testing.T) {
	const logins = 12
	m := newDemoMachine(t, "SIGNET_PASSWORD_MEMORY_BUDGET=19MiB") // one hash at a time, so that calls wait
	p := m.start("--dev").ready()
	demo, tokenService := m.demo(), tokens(t, m.grpc)
	results := make(chan error, logins)
	for range logins {
		go func() {
			ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
			defer cancel()
			_, err := tokenService.Login(ctx, &signetv1.LoginRequest{Username: demo.Username, Password: demo.Password})
			results <- err
		}()
	}

	first := <-results // all logins were sent together
	if err := p.c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range logins {
		err := first
		if i > 0 {
			err = <-results
		}
		if err != nil {
			failed++
			t.Logf("a login failed: %v", err)
		}
	}
	if failed > 0 {
		t.Errorf("%d of %d logins in progress failed", failed, logins)
	}
	if err := p.drained(); err != nil {
		t.Errorf("the server exited with %v", err)
	}
}

// A draining server serves the callers that have not chosen another one yet. It
// keeps its key ring fresh for that: a ring that was not confirmed for 2.5 s
// would refuse to sign.
func TestDrain_SignsUntilTheEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("a server drains for six seconds")
	}
	t.Parallel() // it mostly waits

	m := newDemoMachine(t, "SIGNET_SHUTDOWN_DRAIN=6s", "SIGNET_KEYS_POLL_INTERVAL=1s")
	p := m.start("--dev").ready()
	d := &device{t: t, credentials: m.demo(), tokens: tokens(t, m.grpc)}
	if err := d.login(); err != nil {
		t.Fatal(err)
	}
	if err := p.c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	// On a busy machine a refresh takes longer than a tick.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(3500 * time.Millisecond); time.Now().Before(end); <-tick.C {
		if _, err := d.refreshOnce(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.drained(); err != nil {
		t.Errorf("the server exited with %v", err)
	}
}

func TestDrain_SecondSignalStopsAtOnce(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_SHUTDOWN_DRAIN=20s")
	p := m.start("--dev").ready()
	began := time.Now()
	must(t, p.c.Process.Signal(syscall.SIGTERM))
	eventually(func() bool { return statusAt("http://"+m.ops+"/readyz") != http.StatusOK })
	eventually(func() bool { return p.c.Process.Signal(syscall.SIGTERM) != nil }) // until the process has ended
	<-p.ended

	if code := p.c.ProcessState.ExitCode(); code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A service manager and a shell may both signal the process. It drains.
func TestDrain_TwoSignalsAtOnceAreOne(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_SHUTDOWN_DRAIN=500ms")
	p := m.start("--dev").ready()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		must(t, p.c.Process.Signal(signal))
	}
	if err := p.drained(); err != nil {
		t.Errorf("the server exited with %v", err)
	}
}

// With an existing SQLite store the server answers the first request less than
// half a second after its start.
func TestStart_AnswersWithinHalfASecond(t *testing.T) {
	const limit = 500 * time.Millisecond
	m := newDemoMachine(t)
	best := time.Hour
	for range 3 {
		began := time.Now()
		p := m.start("--dev")
		answers := func() bool { return statusAt("http://"+m.http+"/.well-known/jwks.json") == http.StatusOK }
		if !eventually(answers) {
			t.Fatal("no response")
		}
		best = min(best, time.Since(began))
		if err := p.drain(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the first response came %s after the start", best)
	if best > limit {
		t.Errorf("the first response came %s after the start, later than %s", best, limit)
	}
}
