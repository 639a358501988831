package demo

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signetd/signet/internal/interop/chromium"
	"github.com/signetd/signet/internal/interop/programs"
)

// patience is the time limit of each single step of a test.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	os.Exit(programs.MainUnlessShort(m, "./cmd/signet", "./docs/examples/browser"))
}

// A demo is the server and the example as README starts them, but with free
// ports.
type demo struct {
	t    *testing.T
	dir  string
	env  []string
	port int // of the first way
	// here and there are the browsers of two devices.
	here, there *chromium.Browser
}

func newDemo(t *testing.T) *demo {
	t.Helper()
	d := &demo{t: t, dir: t.TempDir()}
	d.env = programs.Environment()
	addresses := programs.FreeAddresses(t, 4)
	d.port = threePorts(t)
	for i, name := range []string{"HTTP", "OPS", "GRPC", "GATEWAY"} {
		d.env = append(d.env, "SIGNET_"+name+"_ADDRESS="+addresses[i])
	}

	d.start("signet", "serve", "--dev")
	d.await(http.MethodGet, "http://"+addresses[1]+"/readyz", "", http.StatusOK)
	d.register("http://" + addresses[0])
	d.start("browser", "-port", strconv.Itoa(d.port))
	for way := range ways {
		d.await(http.MethodGet, d.url(way, "/requests"), "", http.StatusOK)
	}
	return d
}

// threePorts returns the first of three free ports that follow each other. They
// are below those that the system chooses for connections.
func threePorts(t *testing.T) int {
	t.Helper()
	for port := 20000 + os.Getpid()%10000; port < 32000; port += 3 {
		free := 0
		for ; free < 3; free++ {
			l, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(port+free)))
			if err != nil {
				break
			}
			defer l.Close()
		}
		if free == 3 {
			return port
		}
	}
	t.Fatal("there are no free ports")
	return 0
}

// register gives the clients the ports of this test as their origins, in place
// of those that README has. It waits until the server knows them.
func (d *demo) register(issuer string) {
	d.t.Helper()
	for i, way := range ways {
		origin := fmt.Sprintf("http://localhost:%d", d.port+i)
		before := d.signet("clients", "show", "demo-"+way)
		if want := fmt.Sprintf("http://localhost:%d", 8001+i); !strings.Contains(before, want) {
			d.t.Errorf("the client demo-%s does not have the origin %s:\n%s", way, want, before)
		}
		d.signet("clients", "update", "demo-"+way, "--origin", origin)
		d.await(http.MethodOptions, issuer+"/session/refresh", origin, http.StatusNoContent)
	}
}

// ways are the three ways, in the order of their ports.
var ways = []string{"page", "refresh", "session"}

// url returns a URL of a way, counted from 0.
func (d *demo) url(way int, path string) string {
	return fmt.Sprintf("http://localhost:%d%s", d.port+way, path)
}

// signet runs a command of the server, and returns what it prints.
func (d *demo) signet(args ...string) string {
	d.t.Helper()
	text, err := d.command("signet", args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("signet %v: %v\n%s", args, err, text)
	}
	return string(text)
}

func (d *demo) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(programs.Path(name), args...)
	c.Dir, c.Env = d.dir, d.env
	return c
}

// start starts a program that stops with the test.
func (d *demo) start(name string, args ...string) {
	d.t.Helper()
	c, stderr := d.command(name, args...), new(bytes.Buffer)
	out, err := os.Create(filepath.Join(d.dir, name+".out"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer out.Close()
	c.Stdout, c.Stderr = out, stderr
	if err := c.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGINT)
		kill := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
		defer kill.Stop()
		if err := c.Wait(); err != nil {
			d.t.Errorf("%s has exited with %v", name, err)
		}
		if d.t.Failed() {
			d.t.Logf("the log of %s:\n%s", name, stderr)
		}
	})
}

// await sends a request of a page with that origin, or of none, until its
// answer has that status.
func (d *demo) await(method, url, origin string, status int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, method, url, nil)
		if err != nil {
			d.t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if answer, err := http.DefaultTransport.RoundTrip(r); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == status {
				return
			}
		}
		select {
		case <-ctx.Done():
			d.t.Fatalf("%s %s is not answered with %d", method, url, status)
		case <-tick.C:
		}
	}
}
