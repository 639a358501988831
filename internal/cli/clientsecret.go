package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

// secretFileFlag names a file with a secret that Signet did not make. The
// secret itself is not a flag: every user of the machine can read the command
// lines of processes.
const secretFileFlag = "secret-file"

func addSecretFileFlag(c *cobra.Command) {
	c.Flags().String(secretFileFlag, "",
		"instead of a new secret, use the one in this `FILE`, - for standard input (24 to 255 characters, random)")
}

// readGivenSecret returns the secret in the file of the flag, and "" without
// the flag.
func (p *program) readGivenSecret(ctx context.Context, c *cobra.Command) (string, error) {
	flag := c.Flags().Lookup(secretFileFlag)
	if !flag.Changed {
		return "", nil
	}
	path := flag.Value.String()
	if path != "-" {
		return p.readSecretFile(path)
	}
	secret, err := p.promptSecret(ctx, "Client secret")
	if err == nil && secret == "" {
		err = errors.New("standard input contains no secret")
	}
	return secret, err
}
