package cli

import "github.com/spf13/cobra"

// addTokenFileFlag adds --token-file, which names another token than the stored
// one. The token itself is not a flag: every user of the machine can read the
// command lines of processes.
func addTokenFileFlag(c *cobra.Command, stored string) *string {
	return c.Flags().String("token-file", "",
		"read the token from this `FILE`, - for standard input (default the stored "+stored+")")
}

// rejectTokenArgs rejects arguments. The error does not contain them, because
// they may be tokens.
func rejectTokenArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError("a token is a secret and does not belong on the command line; use --token-file")
	}
	return nil
}
