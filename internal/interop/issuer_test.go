package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/interop/programs"
	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// patience is the time limit of each single step of a test.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	tests := func() int { return pgtest.Main(m, nil) }
	os.Exit(programs.Main(tests, "./cmd/signet"))
}

// An issuer runs the program with its own folder, addresses and environment.
type issuer struct {
	dir, http, grpc, ops string
	env                  []string
}

// newIssuer returns an issuer with free loopback addresses. settings are more
// environment variables, but cannot change the addresses.
func newIssuer(t *testing.T, settings map[string]string) *issuer {
	t.Helper()
	addresses := programs.FreeAddresses(t, 3)
	i := &issuer{dir: t.TempDir(), http: addresses[0], grpc: addresses[1], ops: addresses[2]}
	env := map[string]string{
		"SIGNET_ISSUER":         "http://" + i.http,
		"SIGNET_DATA_DIR":       filepath.Join(i.dir, "data"),
		"SIGNET_SHUTDOWN_DRAIN": "0s",
	}
	maps.Copy(env, settings)
	maps.Copy(env, map[string]string{
		"SIGNET_HTTP_ADDRESS": i.http, "SIGNET_GRPC_ADDRESS": i.grpc, "SIGNET_OPS_ADDRESS": i.ops,
		"SIGNET_GATEWAY_ADDRESS": "127.0.0.1:0",
	})
	i.env = programs.Environment()
	for name, value := range env {
		i.env = append(i.env, name+"="+value)
	}
	return i
}

// run runs a command and decodes its JSON output into out, unless out is nil.
func (i *issuer) run(t *testing.T, stdin string, out any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, programs.Path("signet"), append(args, "--output", "json")...)
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

// serve runs the server until stop is called or the test ends. The server must
// then stop without an error after SIGTERM.
func (i *issuer) serve(t *testing.T) (stop func()) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(programs.Path("signet"), "serve")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = i.dir, i.env, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var exit error
	exited := make(chan struct{})
	go func() {
		exit = cmd.Wait()
		close(exited)
	}()
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
			if exit != nil {
				t.Errorf("the server has exited with %v", exit)
			}
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-exited
			t.Error("the server did not stop")
		}
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("the server's log:\n%s", &log)
		}
	})
	i.awaitReady(t, exited)
	return stop
}

// awaitReady waits until /readyz reports that the server is ready.
func (i *issuer) awaitReady(t *testing.T, exited <-chan struct{}) {
	t.Helper()
	deadline, poll := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-deadline:
			t.Fatal("the server did not become ready")
		case <-exited:
			t.Fatal("the server has exited before it was ready")
		case <-poll.C:
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

// call calls a gRPC method as a client with a secret (RFC 6749 §2.3.1).
func call[Request, Response any](
	t *testing.T, i *issuer, clientID, secret string,
	method func(signetv1.TokenServiceClient, context.Context, Request, ...grpc.CallOption) (Response, error),
	request Request,
) (Response, error) {
	t.Helper()
	conn, err := grpc.NewClient(i.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(clientID) + ":" + url.QueryEscape(secret)))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Basic "+basic)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return method(signetv1.NewTokenServiceClient(conn), ctx, request)
}
