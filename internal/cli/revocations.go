package cli

import "github.com/spf13/cobra"

func newRevocationsCommand(p *program) *cobra.Command {
	return newCommandGroup("revocations", "Refuse access tokens before they expire; list and follow the revocations",
		newRevocationsAddCommand(p), newRevocationsListCommand(p), newRevocationsTailCommand(p))
}
