package chromium

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is the time limit of each single step of a test.
const patience = 30 * time.Second

// A Browser is a running Chromium with a profile of its own.
type Browser struct {
	cmd    *exec.Cmd
	exited chan struct{}
	// tabs is the parent of the contexts of all tabs.
	tabs context.Context
}

// Start runs Chromium with a profile, a directory that it creates if it does
// not exist. The browser is killed when the test ends. It has the settings of
// users' browsers, except for those that need a screen, a sandbox, or the
// network beyond the test: chromedp's own flags would switch off the throttling
// of hidden tabs and the back/forward cache.
func Start(t testing.TB, profile string, flags ...string) *Browser {
	t.Helper()
	b := &Browser{exited: make(chan struct{})}
	b.cmd = exec.Command("chromium", append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad",
		"--password-store=basic", "--window-size=1024,768", "--user-data-dir=" + profile, "--remote-debugging-port=0",
	}, flags...)...)
	b.cmd.Env = append(os.Environ(), "HOME="+profile, "DBUS_SESSION_BUS_ADDRESS=disabled:")
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := b.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatalf("run Chromium: %v", err)
	}
	t.Cleanup(b.Kill)

	url := make(chan string, 1)
	var log bytes.Buffer
	go func() {
		defer close(b.exited)
		readURL(io.TeeReader(stderr, &log), url)
		_ = b.cmd.Wait()
	}()
	limit := time.AfterFunc(patience, func() { _ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) })
	defer limit.Stop()
	found, ok := <-url
	if !ok {
		<-b.exited
		t.Fatalf("Chromium does not say where its debugger listens:\n%s", &log)
	}
	ctx, cancel := chromedp.NewRemoteAllocator(context.Background(), found, chromedp.NoModifyURL)
	t.Cleanup(cancel)
	var cancelTabs context.CancelFunc
	b.tabs, cancelTabs = chromedp.NewContext(ctx)
	t.Cleanup(cancelTabs)
	if err := chromedp.Run(b.tabs); err != nil {
		t.Fatalf("connect to Chromium: %v", err)
	}
	return b
}

// readURL sends the URL of the debugger when Chromium prints it, and closes the
// channel. It reads until Chromium has exited.
func readURL(stderr io.Reader, url chan<- string) {
	send := sync.OnceFunc(func() { close(url) })
	defer send()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if found, ok := strings.CutPrefix(lines.Text(), "DevTools listening on "); ok {
			url <- found
			send()
		}
	}
}

// Kill ends all processes of the browser with SIGKILL, as a crash does.
func (b *Browser) Kill() {
	if err := b.Signal(syscall.SIGKILL); err == nil {
		<-b.exited
	}
}

// Signal sends a signal to all processes of the browser.
func (b *Browser) Signal(signal syscall.Signal) error {
	select {
	case <-b.exited:
		return errors.New("the browser has exited")
	default:
		return syscall.Kill(-b.cmd.Process.Pid, signal)
	}
}
