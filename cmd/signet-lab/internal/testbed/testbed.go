package testbed

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
	"github.com/signetd/signet/cmd/signet-lab/internal/repository"
	"github.com/signetd/signet/internal/pgtest"
)

// A Testbed owns the servers, and the directory with their files. Close stops
// and removes all of it.
type Testbed struct {
	// Dir is the directory of all files.
	Dir string
	// Group is the directory of the control group in which issuers serve.
	// Empty means that of this process.
	Group string
	// Reference and BareReference call the reference server: its Signet
	// gRPC server, and its gRPC server without options. StartReference sets
	// them, and ReferencePID.
	Reference, BareReference operation.Server
	// ReferencePID is the process id of the reference server.
	ReferencePID int

	program  string   // the issuer
	postgres *url.URL // the first database
	cleanups []func()
}

// New builds the issuer and starts a Postgres that writes every commit to disk.
func New(ctx context.Context) (*Testbed, error) {
	b, err := NewWithoutPostgres(ctx)
	if err != nil {
		return b, err
	}
	var stop func()
	if b.postgres, stop, err = pgtest.StartDurable(); err != nil {
		b.Close()
		return b, err
	}
	b.OnClose(stop)
	return b, nil
}

// NewWithoutPostgres builds the issuer.
func NewWithoutPostgres(ctx context.Context) (b *Testbed, err error) {
	b = &Testbed{}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()

	if b.Dir, err = os.MkdirTemp("", "signet-lab-"); err != nil {
		return b, err
	}
	b.OnClose(func() { _ = os.RemoveAll(b.Dir) })
	b.program = filepath.Join(b.Dir, "signet")
	return b, build(ctx, b.program)
}

// build builds the issuer as the Dockerfile does.
func build(ctx context.Context, program string) error {
	root, err := repository.Root(ctx)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "go", "-C", root, "build", "-trimpath", "-ldflags=-s -w", "-o", program,
		"./cmd/signet")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build the issuer: %w\n%s", err, out)
	}
	return nil
}

// OnClose registers a function for Close.
func (b *Testbed) OnClose(f func()) { b.cleanups = append(b.cleanups, f) }

// Close calls the functions that were registered, the last one first.
func (b *Testbed) Close() {
	for i := range b.cleanups {
		b.cleanups[len(b.cleanups)-1-i]()
	}
}
