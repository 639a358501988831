package cli

import (
	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/app"
)

// newHashWorkerCommand returns the command that a server starts as a password
// hashing worker. It is hidden from users.
func newHashWorkerCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use: app.HashWorkerCommand, Short: "Hash passwords for a server", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return app.RunHashWorker(p.in, p.out) },
	}
}
