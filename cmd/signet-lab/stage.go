package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/pgtest"
)

// Who calls on the stage, and for which APIs.
const (
	stageClient   = "lab"
	stageUser     = "lab"
	stagePassword = "correct horse battery staple"
	stageEdDSA    = "https://eddsa.example"
	stageRS256    = "https://rs256.example"
)

// A stage is what `signet-lab table` measures on: a Postgres of its own on which everything is durable, issuers built from this
// tree, and the reference. close ends all of it.
type stage struct {
	dir, program string
	server       *url.URL
	postgres     process
	// reference calls the reference through Signet's gRPC server, bare through one without anything.
	reference, bare target
	stops           []func()
}

// An issuer is one that runs on the stage.
type issuer struct {
	target
	process
	store string
}

// newStage builds the issuer and starts what all rows share.
func newStage(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "signet-lab-"); err != nil {
		return s, err
	}
	s.stops = append(s.stops, func() { _ = os.RemoveAll(s.dir) })
	s.program = filepath.Join(s.dir, "signet")
	root, err := repository(ctx)
	if err != nil {
		return s, err
	}
	build := exec.CommandContext(ctx, "go", "-C", root, "build", "-trimpath", "-ldflags=-s -w", "-o", s.program, "./cmd/signet")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return s, fmt.Errorf("build the issuer: %w\n%s", err, out)
	}
	var stop func()
	if s.server, stop, err = pgtest.StartDurable(); err != nil {
		return s, err
	}
	s.stops = append(s.stops, stop)
	s.postgres, err = postmaster(s.server.Query().Get("host"))
	return s, err
}

// repository returns the root of the source tree that the working directory
// belongs to. The issuer and its benchmarks are built there, with the versions
// of the product's own go.mod.
func repository(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/signetd/signet").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		return "", errors.New("cannot find the source of Signet: run signet-lab in a directory of its repository")
	}
	return root, nil
}

func (s *stage) close() {
	for i := range s.stops {
		s.stops[len(s.stops)-1-i]()
	}
}

// postmaster finds the server that runs in a folder.
func postmaster(dir string) (process, error) {
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return process{}, err
	}
	number, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(number)
	return process{"postgres", pid}, err
}

// database makes an empty database and returns its URL.
func (s *stage) database(ctx context.Context, name string) (string, error) {
	if err := s.sql(ctx, s.server.String(), "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u := *s.server
	u.Path = "/" + name
	return u.String(), nil
}

// sql runs statements.
func (*stage) sql(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is owed to it
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.60s…: %w", statement, err)
		}
	}
	return nil
}

// number asks for one number.
func (*stage) number(ctx context.Context, database, query string, args ...any) (n float64, err error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is owed to it
	err = conn.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

// environment is the configuration of an issuer in a folder, on a store.
func (s *stage) environment(dir, store string, set ...string) []string {
	return append(os.Environ(), append([]string{
		"SIGNET_ISSUER=http://127.0.0.1:8080", "SIGNET_DATA_DIR=" + dir, "SIGNET_STORE_URL=" + store,
		"SIGNET_KEK_FILE=" + filepath.Join(s.dir, "kek"), "SIGNET_HTTP_ADDRESS=127.0.0.1:0", "SIGNET_GRPC_ADDRESS=127.0.0.1:0",
		"SIGNET_OPS_ADDRESS=127.0.0.1:0", "SIGNET_SHUTDOWN_DRAIN=0s",
	}, set...)...)
}

// run runs one command of the issuer and returns what it prints.
func (s *stage) run(ctx context.Context, env []string, input string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, s.program, args...)
	var out, said bytes.Buffer
	c.Env, c.Stdin, c.Stdout, c.Stderr = env, strings.NewReader(input), &out, &said
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("signet %s: %w\n%s", strings.Join(args, " "), err, said.Bytes())
	}
	return out.Bytes(), nil
}

// furnish fills an empty store: two audiences, a client that may do everything, a user. It returns whom to call as.
func (s *stage) furnish(ctx context.Context, env []string) (target, error) {
	if _, err := os.Stat(filepath.Join(s.dir, "kek")); errors.Is(err, os.ErrNotExist) {
		if _, err := s.run(ctx, env, "", "keys", "--new-kek", filepath.Join(s.dir, "kek")); err != nil {
			return target{}, err
		}
	}
	var made struct {
		Secret string `json:"client_secret"`
	}
	for _, args := range [][]string{
		{"migrate"},
		{"audiences", "create", stageEdDSA, "--alg", "EdDSA"},
		{"audiences", "create", stageRS256, "--alg", "RS256"},
		{"users", "create", stageUser},
		{"clients", "create", stageClient, "--audience", stageEdDSA, "--audience", stageRS256, "--mint-subjects", "--output", "json"},
	} {
		out, err := s.run(ctx, env, stagePassword, args...)
		if err != nil {
			return target{}, err
		}
		if args[0] == "clients" {
			if err := json.Unmarshal(out, &made); err != nil {
				return target{}, err
			}
		}
	}
	return target{clientID: stageClient, secret: made.Secret, username: stageUser, password: stagePassword, audience: stageEdDSA}, nil
}

// issuer starts one on a store, which is furnished first unless caller says who calls.
func (s *stage) issuer(ctx context.Context, name, store string, caller target, set ...string) (*issuer, error) {
	env := s.environment(filepath.Join(s.dir, name), store, set...)
	if caller.clientID == "" {
		var err error
		if caller, err = s.furnish(ctx, env); err != nil {
			return nil, err
		}
	}
	at, pid, err := s.start(ctx, env, nil, readListening, s.program, "serve")
	if err != nil {
		return nil, err
	}
	caller.grpc, caller.http = at.GRPC, at.HTTP
	return &issuer{caller, process{name, pid}, store}, nil
}

// startReference starts the reference, which serves the JWK Set byte for byte as an issuer does.
func (s *stage) startReference(ctx context.Context, i *issuer) error {
	page, err := dump(ctx, "http://"+i.http+"/.well-known/jwks.json")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	at, _, err := s.start(ctx, os.Environ(), page, readDoors, self, "reference", i.store)
	s.reference = i.target
	s.reference.grpc, s.reference.http = at.GRPC, at.HTTP
	s.bare = s.reference
	s.bare.grpc = at.Bare
	return err
}

// start starts a server that ends with the stage, and reads where it listens from what it says.
func (s *stage) start(ctx context.Context, env []string, input []byte, read func(*bufio.Scanner) (doors, error), name string, args ...string) (doors, int, error) {
	c := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	c.Env, c.Stdin = env, bytes.NewReader(input)
	said, write, err := os.Pipe()
	if err != nil {
		return doors{}, 0, err
	}
	c.Stdout, c.Stderr = write, write
	err = c.Start()
	_ = write.Close() // the server has its own
	if err != nil {
		return doors{}, 0, err
	}
	s.stops = append(s.stops, func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	})
	lines := bufio.NewScanner(said)
	at, err := read(lines)
	go func() { _, _ = io.Copy(io.Discard, said) }()
	return at, c.Process.Pid, err
}

func readDoors(lines *bufio.Scanner) (at doors, err error) {
	lines.Scan()
	return at, json.Unmarshal(lines.Bytes(), &at)
}

// readListening reads the log of an issuer until it has opened its doors.
func readListening(lines *bufio.Scanner) (at doors, err error) {
	var last string
	for lines.Scan() {
		last = lines.Text()
		var line struct{ Msg, Door, Address string }
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Msg != "listening" {
			continue
		}
		switch line.Door {
		case "grpc":
			at.GRPC = line.Address
		case "http":
			at.HTTP = line.Address
		}
		if at.GRPC != "" && at.HTTP != "" {
			return at, nil
		}
	}
	return at, fmt.Errorf("the issuer did not start: %s", last)
}

// dump returns a response as it was on the wire.
func dump(ctx context.Context, address string) ([]byte, error) {
	response, err := get(ctx, address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return httputil.DumpResponse(response, true)
}

func get(ctx context.Context, address string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil && response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		err = fmt.Errorf("%s answered %s", address, response.Status)
	}
	return response, err
}
