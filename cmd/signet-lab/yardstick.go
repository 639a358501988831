package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/argon2"

	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/pgtest"
)

// rotated is how many rows pgbench rotates, and how many grants the rows that need many have that are refreshed.
const rotated = 10_000

// rotation is one refresh as a statement of its own, no more than what must be: find the live grant, move it, and read what the
// next access token says. Its table is a copy of the grants' in all but name.
const rotation = `\set n random(1, 10000)
UPDATE rotation SET generation = generation + 1, key_hash = '\x00112233445566778899aabbccddeeff', moved_at = now()
WHERE id = lpad(to_hex(:n::int), 32, '0')::uuid AND revoked_at IS NULL AND expires_at > now() RETURNING user_id, scope, audience;
`

// makeRotation makes the table that pgbench works on.
const makeRotation = `CREATE TABLE rotation (LIKE grants INCLUDING ALL);
INSERT INTO rotation SELECT lpad(to_hex(n), 32, '0')::uuid, 'usr_' || n, 'lab', 0, NULL, '0123456789abcdef', now(), 3600, now() + interval '30 days',
	NULL, NULL, '', 'read write', ARRAY['https://eddsa.example'], now(), ARRAY['pwd'], '', '', now(), NULL FROM generate_series(1, 10000) n;
VACUUM ANALYZE rotation`

var (
	pgbenchRate    = regexp.MustCompile(`tps = ([0-9.]+)`)
	pgbenchLatency = regexp.MustCompile(`latency average = ([0-9.]+) ms`)
)

// pgbench runs the rotation with so many clients, and returns transactions a second and the average latency in milliseconds.
func (s *stage) pgbench(ctx context.Context, database string, clients int, length time.Duration) (rate, ms float64, err error) {
	bin, err := pgtest.Programs()
	if err != nil {
		return 0, 0, err
	}
	script := filepath.Join(s.dir, "rotation.sql")
	if err := os.WriteFile(script, []byte(rotation), 0o600); err != nil {
		return 0, 0, err
	}
	threads, seconds := min(clients, runtime.NumCPU()), max(1, int(length.Seconds()))
	c := exec.CommandContext(ctx, filepath.Join(bin, "pgbench"), "-n", "-M", "prepared", "-f", script, "-c", strconv.Itoa(clients),
		"-j", strconv.Itoa(threads), "-T", strconv.Itoa(seconds), database)
	out, err := c.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	if rate, err = figure(pgbenchRate, out); err == nil {
		ms, err = figure(pgbenchLatency, out)
	}
	return rate, ms, err
}

func figure(at *regexp.Regexp, text []byte) (float64, error) {
	found := at.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("no %s in: %s", at, text)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// onCores does a thing on so many cores for a while, and returns how often a second.
func onCores(n int, length time.Duration, do func()) float64 {
	var (
		all  sync.WaitGroup
		done atomic.Int64
	)
	began := time.Now()
	for range n {
		all.Go(func() {
			for time.Since(began) < length {
				do()
				done.Add(1)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// rawRSA returns how many RSA-2048 signatures all cores make in a second.
func rawRSA(length time.Duration) (float64, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return 0, err
	}
	input := filler[:signedBytes]
	return onCores(runtime.NumCPU(), length, func() {
		digest := sha256.Sum256([]byte(input))
		if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			panic(err)
		}
	}), nil
}

// rawEdDSA returns how long one Ed25519 signature takes, in milliseconds.
func rawEdDSA(length time.Duration) (float64, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return 0, err
	}
	input := []byte(filler[:signedBytes])
	rate := onCores(1, length, func() {
		if _, err := key.Sign(nil, input, crypto.Hash(0)); err != nil {
			panic(err)
		}
	})
	return 1000 / rate, nil
}

// bareArgon2id returns how many hashes of the usual cost are made in a second on the cores that the issuer gives to hashing: all
// but one, so that refreshes beside a flood of logins do not wait.
func bareArgon2id(length time.Duration) (float64, error) {
	return onCores(hashingCores(), length, hashOnce), nil
}

func hashingCores() int { return max(1, runtime.NumCPU()-1) }

func hashOnce() {
	p := password.MinParams()
	argon2.IDKey([]byte(stagePassword), []byte("0123456789abcdef"), p.Iterations, p.Memory, p.Parallelism, 32)
}

// hashCommand keeps the cores that hashing has busy, until its standard input ends.
func hashCommand() *cobra.Command {
	return &cobra.Command{
		Use: "hash", Short: "Hash and do nothing else", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := context.WithCancel(c.Context())
			go func() {
				_, _ = io.Copy(io.Discard, os.Stdin)
				stop()
			}()
			for ctx.Err() == nil {
				onCores(hashingCores(), time.Second/10, hashOnce)
			}
			return nil
		},
	}
}

// hashElsewhere hashes in a program of its own, on as many threads as hashing has cores, until ctx ends.
func hashElsewhere(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(self, "hash")
	c.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(hashingCores()))
	input, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	_ = input.Close()
	return c.Wait()
}

// goBench runs one Go benchmark of a package and returns nanoseconds and allocations of an operation.
func goBench(ctx context.Context, pkg, name string) (ns, allocs float64, err error) {
	root, err := repository(ctx)
	if err != nil {
		return 0, 0, err
	}
	c := exec.CommandContext(ctx, "go", "-C", root, "test", "-run", "^$", "-bench", "^Benchmark"+name+"$", "-benchmem",
		"-benchtime", "1s", "./"+pkg)
	out, err := c.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("go test -bench %s %s: %w\n%s", name, pkg, err, out)
	}
	if ns, err = figure(regexp.MustCompile(`([0-9.]+) ns/op`), out); err == nil {
		allocs, err = figure(regexp.MustCompile(`([0-9]+) allocs/op`), out)
	}
	return ns, allocs, err
}
