package main

import (
	"net/http"
	"os/exec"
	"syscall"
	"testing"
)

// A process is a server that runs on a machine.
type process struct {
	m     *machine
	c     *exec.Cmd
	log   *syncBuffer // stdout and stderr
	ended chan struct{}
	err   error // the exit status, once ended is closed
}

// start starts a server. The end of the test kills it.
func (m *machine) start(args ...string) *process {
	m.t.Helper()
	return m.prepare(args...).run()
}

// prepare returns a server that is not started yet, so that a test can change
// its command.
func (m *machine) prepare(args ...string) *process {
	p := &process{
		m: m, c: m.command(append([]string{"serve"}, args...)...), log: new(syncBuffer), ended: make(chan struct{}),
	}
	p.c.Stdout, p.c.Stderr = p.log, p.log
	return p
}

// run starts a prepared server.
func (p *process) run() *process {
	m := p.m
	m.t.Helper()
	if err := p.c.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() {
		p.err = p.c.Wait()
		close(p.ended)
	}()
	m.t.Cleanup(func() {
		p.kill()
		if m.t.Failed() {
			m.t.Logf("the log of the server in %s:\n%s", m.dir, p.log)
		}
	})
	return p
}

// ready waits until the server is ready.
func (p *process) ready() *process {
	p.m.t.Helper()
	url := "http://" + p.m.ops + "/readyz"
	ready := false
	eventually(func() bool {
		select {
		case <-p.ended:
			return true
		default:
			ready = statusAt(url) == http.StatusOK
			return ready
		}
	})
	if !ready {
		p.m.t.Fatalf("the server did not become ready:\n%s", p.log)
	}
	return p
}

// kill kills the server, which has no chance to write or answer anything.
func (p *process) kill() {
	_ = p.c.Process.Kill() // the process may have ended
	<-p.ended
}

// drain stops the server with SIGTERM and waits until it has ended.
func (p *process) drain() error {
	if err := p.c.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.drained()
}

// drained waits for the end of a server that has got a signal.
func (p *process) drained() error {
	<-p.ended
	return p.err
}

// must fails the test if err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
