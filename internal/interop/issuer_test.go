package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// patience is how long anything here may take before it counts as failed.
const patience = 30 * time.Second

// program is the path of the program under test.
var program string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

// runTests builds the program, with the versions of its own module, and runs the tests.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "signet-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "signet")
	if out, err := exec.Command("go", "-C", "../..", "build", "-buildvcs=false", "-ldflags=-w", "-o", program, "./cmd/signet").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return pgtest.Main(m, nil)
}

// An issuer is the program as its users start it.
type issuer struct {
	dir, http, grpc, ops string
	env                  []string
}

// newIssuer gives the program free addresses on this machine, a folder, and the settings.
func newIssuer(t *testing.T, settings map[string]string) *issuer {
	t.Helper()
	addresses := freeAddresses(t, 3)
	i := &issuer{dir: t.TempDir(), http: addresses[0], grpc: addresses[1], ops: addresses[2]}
	own := map[string]string{
		"SIGNET_ISSUER":         "http://" + i.http,
		"SIGNET_DATA_DIR":       filepath.Join(i.dir, "data"),
		"SIGNET_SHUTDOWN_DRAIN": "0s",
	}
	maps.Copy(own, settings)
	maps.Copy(own, map[string]string{"SIGNET_HTTP_ADDRESS": i.http, "SIGNET_GRPC_ADDRESS": i.grpc, "SIGNET_OPS_ADDRESS": i.ops})
	i.env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SIGNET_") })
	for name, value := range own {
		i.env = append(i.env, name+"="+value)
	}
	return i
}

// freeAddresses returns loopback addresses that nobody listens on.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	addresses := make([]string, n)
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
	}
	return addresses
}

// run runs one command and decodes its JSON into out, unless that is nil.
func (i *issuer) run(t *testing.T, stdin string, out any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, append(args, "--output", "json")...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = i.dir, i.env, strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("signet %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatalf("signet %s printed %q: %v", strings.Join(args, " "), &stdout, err)
	}
}

// serve runs the server until stop is called, or the test ends; it is then asked to stop and expected to do so in peace.
func (i *issuer) serve(t *testing.T) (stop func()) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(program, "serve")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = i.dir, i.env, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var failure error
	ended := make(chan struct{})
	go func() {
		failure = cmd.Wait()
		close(ended)
	}()
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
			if failure != nil {
				t.Errorf("the server ended with %v", failure)
			}
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
			t.Error("the server did not stop")
		}
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("the server's log:\n%s", &log)
		}
	})
	i.await(t, ended)
	return stop
}

// await returns when the server says that it is ready.
func (i *issuer) await(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	deadline, again := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-deadline:
			t.Fatal("the server did not become ready")
		case <-ended:
			t.Fatal("the server ended before it was ready")
		case <-again.C:
		}
		response, err := http.Get("http://" + i.ops + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
	}
}

// call makes one gRPC call as a client (RFC 6749 §2.3.1).
func call[Request, Response any](
	t *testing.T, i *issuer, clientID, secret string,
	method func(signetv1.TokenServiceClient, context.Context, Request, ...grpc.CallOption) (Response, error), request Request,
) (Response, error) {
	t.Helper()
	conn, err := grpc.NewClient(i.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(clientID) + ":" + url.QueryEscape(secret)))
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Basic "+basic), patience)
	defer cancel()
	return method(signetv1.NewTokenServiceClient(conn), ctx, request)
}
