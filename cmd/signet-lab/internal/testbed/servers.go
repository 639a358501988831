package testbed

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
	"github.com/signetd/signet/cmd/signet-lab/internal/reference"
)

// Identifier is the issuer identifier of all issuers. They have other
// addresses.
const Identifier = "http://127.0.0.1:8080"

// The other records that provision creates.
const (
	audienceEdDSA = "https://eddsa.example"
	clientID      = "lab"
	adminID       = "lab-admin"
	userPassword  = "correct horse battery staple"
	// users is enough for the limit of logins of each user: 240 at once.
	users = 1000
)

// An Issuer is a running issuer.
type Issuer struct {
	operation.Server
	PID      int
	StoreURL string

	adminSecret string // of the client adminID
}

// StartIssuer starts an issuer on an empty store and creates a client, users
// and an audience in it. The issuer's files are in the subdirectory name of
// Dir. Each setting is an environment variable: NAME=VALUE.
func (b *Testbed) StartIssuer(ctx context.Context, name, store string, settings ...string) (*Issuer, error) {
	i := &Issuer{StoreURL: store}
	if err := b.provision(ctx, i, b.environment(name, store, settings...)); err != nil {
		return nil, err
	}
	return i, b.serve(ctx, name, i, settings...)
}

// StartSecondIssuer starts another issuer on the store of i.
func (b *Testbed) StartSecondIssuer(ctx context.Context, name string, i *Issuer, settings ...string) (*Issuer, error) {
	second := *i
	return &second, b.serve(ctx, name, &second, settings...)
}

// serve starts an issuer on the store of i and sets the addresses and the
// process id of i.
func (b *Testbed) serve(ctx context.Context, name string, i *Issuer, settings ...string) error {
	serve := command{
		program: b.program, args: []string{"serve"}, env: b.environment(name, i.StoreURL, settings...),
		readAddresses: readLog,
	}
	if b.Group != "" {
		const enter = `echo $$ >"$0/cgroup.procs" && exec "$@"`
		serve.program, serve.args = "sh", []string{"-c", enter, b.Group, b.program, "serve"}
	}
	addresses, pid, err := b.start(ctx, serve)
	i.GRPC, i.HTTP, i.PID = addresses.GRPC, addresses.HTTP, pid
	return err
}

// StartReference starts the reference server for the clients of i, whose store
// must be Postgres. The reference server serves the JWK Set of i, byte for
// byte.
func (b *Testbed) StartReference(ctx context.Context, i *Issuer) error {
	page, err := dump(ctx, "http://"+i.HTTP+"/.well-known/jwks.json")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	addresses, pid, err := b.start(ctx, command{
		program: self, args: []string{reference.Command, i.StoreURL}, env: os.Environ(), input: page,
		readAddresses: readJSON,
	})

	b.Reference, b.ReferencePID = i.Server, pid
	b.Reference.GRPC, b.Reference.HTTP = addresses.GRPC, addresses.HTTP
	b.BareReference = b.Reference
	b.BareReference.GRPC = addresses.BareGRPC
	return err
}

// ColdStart starts an issuer, stops it again, and returns how long it took
// until the issuer was ready. The issuer's files are in the subdirectory name
// of Dir.
func (b *Testbed) ColdStart(ctx context.Context, store, name string) (time.Duration, error) {
	const opsAddress = "127.0.0.1:18081"
	c := exec.CommandContext(ctx, b.program, "serve")
	c.Env = b.environment(name, store, "SIGNET_OPS_ADDRESS="+opsAddress)
	start := time.Now()
	if err := c.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	}()

	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for {
		if response, err := get(ctx, "http://"+opsAddress+"/readyz"); err == nil {
			_ = response.Body.Close()
			return time.Since(start), nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("issuer did not become ready: %w", ctx.Err())
		}
	}
}

// environment returns the environment variables of an issuer.
func (b *Testbed) environment(name, store string, settings ...string) []string {
	return append(os.Environ(), append([]string{
		"SIGNET_ISSUER=" + Identifier,
		"SIGNET_DATA_DIR=" + filepath.Join(b.Dir, name),
		"SIGNET_STORE_URL=" + store,
		"SIGNET_KEK_FILE=" + b.kekFile(),
		"SIGNET_HTTP_ADDRESS=127.0.0.1:0",
		"SIGNET_GRPC_ADDRESS=127.0.0.1:0",
		"SIGNET_OPS_ADDRESS=127.0.0.1:0",
		"SIGNET_SHUTDOWN_DRAIN=0s",
	}, settings...)...)
}

// kekFile is the file with the key-encryption key of all issuers.
func (b *Testbed) kekFile() string { return filepath.Join(b.Dir, "kek") }

// run runs one command of the issuer's program and returns its output.
func (b *Testbed) run(ctx context.Context, env []string, input string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, b.program, args...)
	var stdout, stderr bytes.Buffer
	c.Env, c.Stdin, c.Stdout, c.Stderr = env, strings.NewReader(input), &stdout, &stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("signet %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}
