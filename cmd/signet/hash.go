package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/password"
)

// hashCommand is what a server starts to have passwords hashed. It is no command for people.
func (p *program) hashCommand() *cobra.Command {
	return &cobra.Command{
		Use: "hash-passwords", Short: "Hash what a server asks for", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			// A terminal and a service manager signal all processes at once: logins under way are still answered. This one
			// ends with the server, whatever ends that.
			signal.Ignore(os.Interrupt, syscall.SIGTERM)
			return password.Work(p.in, p.out)
		},
	}
}

// startHashing makes a process that hashes: this program once more, as it was when this one began, with none of its environment.
func startHashing() *exec.Cmd {
	c := exec.Command(ownProgram())
	c.Args = []string{os.Args[0], "hash-passwords"}
	c.Env, c.Stderr = []string{}, os.Stderr
	return c
}

// ownProgram is where this program can be started again. What /proc names is there even when the file was replaced.
func ownProgram() string {
	const own = "/proc/self/exe"
	if _, err := os.Stat(own); err == nil {
		return own
	}
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
