package app

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/signetd/signet/internal/password"
)

// HashWorkerCommand is the command by which a server starts this program as a
// password hashing worker.
const HashWorkerCommand = "hash-passwords"

// RunHashWorker hashes passwords for a server until the server closes in.
//
// A terminal and a service manager signal all processes of a server at once.
// The worker ignores SIGINT and SIGTERM, so that a draining server still
// answers logins, and SIGHUP, as the server does. It stops when the server
// stops, whatever stops the server.
func RunHashWorker(in io.Reader, out io.Writer) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return password.RunWorker(in, out)
}

// newHashWorker returns a command that runs this program as a hashing worker.
// The worker gets none of the environment, which may hold secrets.
func newHashWorker() *exec.Cmd {
	c := exec.Command(programPath())
	c.Args = []string{os.Args[0], HashWorkerCommand}
	c.Env, c.Stderr = []string{}, os.Stderr
	return c
}

// programPath returns a path that starts this program again. The path under
// /proc stays valid when the program's file is replaced.
func programPath() string {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return self
	}
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
