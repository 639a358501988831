package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// explainArguments lets the error for missing or additional arguments of c and
// its subcommands name the argument in the usage of the command. The error does
// not contain what was given, because that may be a secret.
func explainArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		explainArguments(sub)
	}
	check := c.Args
	if check == nil || c.HasSubCommands() {
		return
	}

	_, argument, _ := strings.Cut(c.Use, " ")
	c.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		var own usageError
		switch {
		case err == nil || errors.As(err, &own):
			return err
		case argument == "":
			return fmt.Errorf("%s takes no argument", c.CommandPath())
		case len(args) == 0:
			return fmt.Errorf("%s needs %s", c.CommandPath(), argument)
		}
		return fmt.Errorf("%s takes %s alone, not %d arguments", c.CommandPath(), argument, len(args))
	}
}
