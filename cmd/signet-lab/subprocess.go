package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/cmd/signet-lab/internal/baseline"
	"github.com/signetd/signet/cmd/signet-lab/internal/reference"
)

// referenceCommand is what `signet-lab table` runs as the reference server.
func referenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   reference.Command + " STORE",
		Short: "Serve what an issuer is compared with",
		Long: "Serve gRPC calls without any rules, and over HTTP the response in standard input. There are two\n" +
			"gRPC servers: Signet's own, for the clients in the Postgres STORE, and a bare one. The table\n" +
			"command starts this command.",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return reference.Serve(c.Context(), args[0], os.Stdin, os.Stdout)
		},
	}
}

// hashCommand is what `signet-lab table` runs to keep cores busy with password
// hashes.
func hashCommand() *cobra.Command {
	return &cobra.Command{
		Use:    baseline.HashCommand,
		Short:  "Compute password hashes until standard input ends",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			baseline.Argon2idUntilEOF(c.Context(), os.Stdin)
			return nil
		},
	}
}
