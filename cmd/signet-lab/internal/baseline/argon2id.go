package baseline

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/signetd/signet/internal/password"
)

// HashCommand is the command of signet-lab that calls Argon2idUntilEOF.
const HashCommand = "hash"

// Argon2idHashes returns the number of hashes with the minimum cost that are
// computed per second. It uses the cores that an issuer uses for password
// hashes.
func Argon2idHashes(duration time.Duration) float64 {
	return ratePerSecond(hashingCores(), duration, hashOnce)
}

// Argon2idUntilEOF computes hashes until ctx ends or input reaches EOF. It uses
// the cores that an issuer uses for password hashes.
func Argon2idUntilEOF(ctx context.Context, input io.Reader) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, input)
		stop()
	}()
	for ctx.Err() == nil {
		ratePerSecond(hashingCores(), time.Second/10, hashOnce)
	}
}

// Argon2idInProcess runs Argon2idUntilEOF in a process of its own until ctx
// ends. The process has one thread for each core that it uses.
func Argon2idInProcess(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.Command(self, HashCommand)
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

// hashingCores returns the number of cores that an issuer uses for password
// hashes: all but one. So refreshes do not wait during a flood of logins.
func hashingCores() int { return max(1, runtime.NumCPU()-1) }

// hashOnce computes one hash with the minimum cost, which is also the default.
func hashOnce() {
	p := password.MinParams()
	input, salt := []byte("correct horse battery staple"), []byte("0123456789abcdef")
	argon2.IDKey(input, salt, p.Iterations, p.Memory, p.Parallelism, 32)
}
