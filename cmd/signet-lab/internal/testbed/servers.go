package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
	"github.com/signetd/signet/cmd/signet-lab/internal/reference"
	"github.com/signetd/signet/internal/password"
)

// The records that provision creates.
const (
	audienceEdDSA = "https://eddsa.example"
	clientID      = "lab"
	userPassword  = "correct horse battery staple"
	// users is enough for the limit of logins of each user: 240 at once.
	users = 1000
)

// An Issuer is a running issuer.
type Issuer struct {
	operation.Server
	PID      int
	StoreURL string
}

// StartIssuer starts an issuer on an empty store and creates a client, users
// and an audience in it. The issuer's files are in the subdirectory name of
// Dir. Each setting is an environment variable: NAME=VALUE.
func (b *Testbed) StartIssuer(ctx context.Context, name, store string, settings ...string) (*Issuer, error) {
	caller, err := b.provision(ctx, b.environment(name, store, settings...))
	if err != nil {
		return nil, err
	}
	return b.serve(ctx, name, store, caller, settings...)
}

// StartSecondIssuer starts another issuer on the store of i.
func (b *Testbed) StartSecondIssuer(ctx context.Context, name string, i *Issuer, settings ...string) (*Issuer, error) {
	return b.serve(ctx, name, i.StoreURL, i.Server, settings...)
}

// Algorithms returns the algorithms of CreateClient.
func Algorithms() []string { return []string{"RS256", "ES256", "EdDSA"} }

// CreateClient creates an audience with that algorithm, and a client for it
// alone with that leeway. name is that of the issuer i. The result calls i in
// the name of the new client.
func (b *Testbed) CreateClient(
	ctx context.Context, name string, i *Issuer, algorithm string, leeway time.Duration,
) (operation.Server, error) {
	env, audience := b.environment(name, i.StoreURL), "https://only-"+strings.ToLower(algorithm)+".example"
	if _, err := b.run(ctx, env, "", "audiences", "create", audience, "--alg", algorithm); err != nil {
		return operation.Server{}, err
	}
	s := i.Server
	s.ClientID, s.Audience = "only-"+strings.ToLower(algorithm), audience
	var err error
	s.ClientSecret, err = b.createClient(ctx, env, s.ClientID, "--audience", audience, "--leeway", leeway.String())
	if err != nil {
		return operation.Server{}, err
	}
	return s, waitForClient(ctx, s)
}

// waitForClient waits until an issuer has read a new client, and has the keys
// for its audience.
func waitForClient(ctx context.Context, s operation.Server) error {
	conn := s.Connect(1)
	defer conn.Close()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for end := time.Now().Add(10 * time.Second); ; <-poll.C {
		if _, err := conn.RefreshTokens(ctx, 1, 1); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// serve starts an issuer. The caller has the credentials for it.
func (b *Testbed) serve(
	ctx context.Context, name, store string, caller operation.Server, settings ...string,
) (*Issuer, error) {
	addresses, pid, err := b.start(ctx, command{
		program: b.program, args: []string{"serve"}, env: b.environment(name, store, settings...),
		readAddresses: readLog,
	})
	if err != nil {
		return nil, err
	}
	caller.GRPC, caller.HTTP = addresses.GRPC, addresses.HTTP
	return &Issuer{Server: caller, PID: pid, StoreURL: store}, nil
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
	addresses, _, err := b.start(ctx, command{
		program: self, args: []string{reference.Command, i.StoreURL}, env: os.Environ(), input: page,
		readAddresses: readJSON,
	})

	b.Reference = i.Server
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
		"SIGNET_ISSUER=http://127.0.0.1:8080",
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

// provision creates an audience, a client that may mint any subject, and users
// in an empty store. It returns the credentials.
func (b *Testbed) provision(ctx context.Context, env []string) (operation.Server, error) {
	if _, err := os.Stat(b.kekFile()); errors.Is(err, os.ErrNotExist) {
		if _, err := b.run(ctx, env, "", "keys", "--new-kek", b.kekFile()); err != nil {
			return operation.Server{}, err
		}
	}

	for _, args := range [][]string{
		{"migrate"},
		{"audiences", "create", audienceEdDSA, "--alg", "EdDSA"},
	} {
		if _, err := b.run(ctx, env, "", args...); err != nil {
			return operation.Server{}, err
		}
	}
	usernames, err := b.importUsers(ctx, env)
	if err != nil {
		return operation.Server{}, err
	}
	secret, err := b.createClient(ctx, env, clientID, "--audience", audienceEdDSA)
	return operation.Server{
		ClientID: clientID, ClientSecret: secret, Usernames: usernames, Password: userPassword, Audience: audienceEdDSA,
	}, err
}

// createClient creates a client that may mint any subject, and returns its
// secret.
func (b *Testbed) createClient(ctx context.Context, env []string, id string, flags ...string) (string, error) {
	args := append([]string{"clients", "create", id, "--mint-subjects", "--output", "json"}, flags...)
	out, err := b.run(ctx, env, "", args...)
	if err != nil {
		return "", err
	}
	var created struct {
		Secret string `json:"client_secret"`
	}
	return created.Secret, json.Unmarshal(out, &created)
}

// importUsers creates users with one password and returns their names.
func (b *Testbed) importUsers(ctx context.Context, env []string) ([]string, error) {
	hasher, err := password.New(password.Options{Params: password.MinParams()})
	if err != nil {
		return nil, err
	}
	hash, err := hasher.Hash(ctx, userPassword)
	if err != nil {
		return nil, err
	}

	names := make([]string, users)
	var lines strings.Builder
	for i := range names {
		names[i] = fmt.Sprint("lab", i)
		fmt.Fprintf(&lines, "{\"username\": %q, \"password_hash\": %q}\n", names[i], hash)
	}
	_, err = b.run(ctx, env, lines.String(), "users", "import")
	return names, err
}
