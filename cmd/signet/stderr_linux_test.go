package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/audit"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A pipeReader reads the stderr of a server into its log until pause.
type pipeReader struct {
	pipe    *os.File
	log     io.Writer
	stopped chan struct{}
}

// resume reads in the background.
func (r *pipeReader) resume(t *testing.T) {
	t.Helper()
	must(t, r.pipe.SetReadDeadline(time.Time{}))
	r.stopped = make(chan struct{})
	go func() {
		defer close(r.stopped)
		_, _ = io.Copy(r.log, r.pipe)
	}()
}

// pause returns when nothing is read any more.
func (r *pipeReader) pause(t *testing.T) {
	t.Helper()
	must(t, r.pipe.SetReadDeadline(time.Now()))
	<-r.stopped
}

// startWithPipe starts a server whose stderr is a pipe of one page.
func (m *machine) startWithPipe() (*process, *pipeReader) {
	t := m.t
	t.Helper()
	in, out, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() { _ = in.Close() }) // a test may have closed it
	defer out.Close()
	_, err = unix.FcntlInt(out.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize())
	must(t, err)
	must(t, unix.SetNonblock(int(out.Fd()), false))

	p := m.prepare("--dev")
	p.c.Stderr = out
	r := &pipeReader{pipe: in, log: p.log}
	r.resume(t)
	return p.run().ready(), r
}

// A session logs in to a demo once or several times, and refreshes.
type session struct {
	*device
	m *machine
}

func (m *machine) newSession() session {
	d := &device{t: m.t, credentials: m.demo(), tokens: tokens(m.t, m.grpc)}
	must(m.t, d.login())
	return session{d, m}
}

// loginOnce sends one login with a timeout.
func (s session) loginOnce(timeout time.Duration) (*signetv1.TokenResponse, error) {
	ctx, cancel := asClientFor(s.t, timeout, s.credentials.ClientID, s.credentials.ClientSecret)
	defer cancel()
	return s.tokens.Login(ctx, &signetv1.LoginRequest{
		Username: s.credentials.Username, Password: s.credentials.Password,
	})
}

// refreshes refreshes n times. Each time the server writes a line to its log,
// at the level debug.
func (s session) refreshes(n int) {
	s.t.Helper()
	for range n {
		if _, err := s.refreshOnce(); err != nil {
			s.t.Fatalf("a refresh: %v", err)
		}
	}
}

// becomesReady waits until the readiness is as wanted.
func (s session) becomesReady(want bool) {
	s.t.Helper()
	code := map[bool]int{true: 200, false: 503}[want]
	if !eventually(func() bool { return statusAt("http://"+s.m.ops+"/readyz") == code }) {
		s.t.Fatalf("the readiness is not %d", code)
	}
}

// Rule 69: while nobody reads stderr, the server refuses what must be audited,
// and is not ready. Everything else works, and so does the end of the process.
// When somebody reads again, the server needs no restart, and all lines are
// whole.
func TestRule69_NobodyReadsStderr(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for deadlines; internal/telemetry tests the same writer without a process")
	}
	t.Parallel() // it mostly waits

	m := newDemoMachine(t, "SIGNET_LOG_FORMAT=json", "SIGNET_LOG_LEVEL=debug", "SIGNET_SHUTDOWN_DRAIN=0s")
	p, reader := m.startWithPipe()
	s := m.newSession()
	reader.pause(t)
	s.refreshes(100) // more than the pipe holds
	if _, err := s.loginOnce(2 * time.Second); err == nil {
		t.Error("a login without its audit event")
	}
	s.becomesReady(false)
	s.refreshes(1)

	reader.resume(t)
	s.becomesReady(true)
	in, err := s.loginOnce(10 * time.Second)
	must(t, err)
	reader.pause(t)
	s.refreshes(100)
	if err := p.drain(); err != nil {
		t.Errorf("the server exited with %v", err)
	}

	found := false
	lines := strings.Split(p.log.String(), "\n")
	for _, line := range lines[:len(lines)-1] { // the last one was not read to its end
		var record map[string]any
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &record) != nil {
			t.Errorf("not a whole line: %q", line)
		}
		found = found || record["grant"] == in.GetGrantId() && record["event"] == audit.LoginSucceeded
	}
	if !found {
		t.Error("the audit event of the last login is missing")
	}
}

// Rule 69: when the reader of stderr has gone, the server refuses what must be
// audited, and is not ready. Neither that nor SIGHUP ends the process: it
// drains when it is told to.
func TestRule69_ReaderOfStderrGone(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_SHUTDOWN_DRAIN=0s")
	p, reader := m.startWithPipe()
	s := m.newSession()
	reader.pause(t)
	must(t, reader.pipe.Close())
	if _, err := s.loginOnce(10 * time.Second); status.Code(err) != codes.Unavailable {
		t.Errorf("a login without its audit event: %v", err)
	}
	s.becomesReady(false)
	must(t, p.c.Process.Signal(syscall.SIGHUP))
	s.refreshes(10)
	if err := p.drain(); err != nil {
		t.Errorf("the server exited with %v", err)
	}
}

// Rule 69: a line of the log that a full disk has torn does not swallow the
// next audit event. The limit on the size of files stands for the full disk.
func TestRule69_TornLineSwallowsNoEvent(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_LOG_FORMAT=json", "SIGNET_LOG_LEVEL=debug")
	path := filepath.Join(t.TempDir(), "log")
	const begin = 64 << 20 // more than any other file of the server has
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, begin))
	p := m.startWithLog(path)
	s := m.newSession()

	const part = 20
	p.limitFiles(logSize(t, path) + part)
	s.refreshes(1)
	if _, err := s.loginOnce(10 * time.Second); status.Code(err) != codes.Unavailable {
		t.Errorf("a login without its audit event: %v", err)
	}
	s.becomesReady(false)
	p.limitFiles(unix.RLIM_INFINITY)
	in, err := s.loginOnce(10 * time.Second)
	must(t, err)
	s.becomesReady(true)

	log, err := os.Open(path)
	must(t, err)
	defer log.Close()
	_, err = log.Seek(begin, io.SeekStart)
	must(t, err)
	events, faults, err := audit.Read(log)
	must(t, err)
	if last := events[len(events)-1]; last.Name != audit.LoginSucceeded || last.Grant != in.GetGrantId() {
		t.Errorf("the last event is %+v, not the login with the grant %s", last, in.GetGrantId())
	}
	if len(faults) != 1 {
		t.Errorf("the faults of the log are %q, want the torn line", faults)
	}
}

// Libraries do not write to stderr beside the server, where they could wait for
// ever or mix their lines with others.
func TestLog_LinesOfLibraries(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_LOG_FORMAT=json", "GRPC_GO_LOG_SEVERITY_LEVEL=info")
	path := filepath.Join(t.TempDir(), "log")
	p := m.startWithLog(path)
	m.newSession().refreshes(1)
	must(t, p.drain())

	text, err := os.ReadFile(path)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a line of the server: %s", line)
		}
	}
}

// logSize returns the size of a log that nothing is written to for a moment.
func logSize(t *testing.T, path string) uint64 {
	t.Helper()
	size := int64(-1)
	eventually(func() bool {
		info, err := os.Stat(path)
		must(t, err)
		same := info.Size() == size
		size = info.Size()
		return same
	})
	return uint64(size)
}

// limitFiles limits the size of the files that the process writes.
func (p *process) limitFiles(size uint64) {
	p.m.t.Helper()
	limit := unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}
	must(p.m.t, unix.Prlimit(p.c.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil))
}

// A shutdown that does not come to its end is ended. Here the server waits for
// a stdout that nobody reads.
func TestDrain_EndsWhateverIsStuck(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for shutdown.timeout, which is at least a second")
	}
	t.Parallel() // it mostly waits

	m := newMachine(t, "SIGNET_SHUTDOWN_DRAIN=0s", "SIGNET_SHUTDOWN_TIMEOUT=1s")
	in, out, err := os.Pipe()
	must(t, err)
	defer in.Close()
	size, err := unix.FcntlInt(out.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize())
	must(t, err)
	const reserve = 200 // bytes for the first line that the server prints
	_, err = out.Write(make([]byte, size-reserve))
	must(t, err)
	must(t, unix.SetNonblock(int(out.Fd()), false))
	p := m.prepare("--dev")
	p.c.Stdout = out
	p.run()
	must(t, out.Close())
	prints := func() bool {
		n, err := unix.IoctlGetInt(int(in.Fd()), unix.TIOCINQ)
		must(t, err)
		return n > size-reserve
	}
	if !eventually(prints) {
		t.Fatal("the server does not start")
	}

	must(t, p.c.Process.Signal(syscall.SIGTERM))
	<-p.ended
	if code := p.c.ProcessState.ExitCode(); code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
}
