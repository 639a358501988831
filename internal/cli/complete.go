package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/keys"
)

// completionTimeout is how long a completion may take. After that, the shell
// has none.
const completionTimeout = 2 * time.Second

// A completer completes the command lines of a program in a shell.
type completer struct{ *program }

// add sets what a shell completes after c and its subcommands: records of the
// store, fixed values, or files where the usage names a FILE or a PATH.
func (p completer) add(c *cobra.Command) {
	_, argument, _ := strings.Cut(c.Use, " ")
	if !isFile(argument) {
		c.ValidArgsFunction = p.completeArgument(c, argument)
	}
	complete := func(f *pflag.Flag) {
		if name, _ := pflag.UnquoteUsage(f); !isFile(name) {
			_ = c.RegisterFlagCompletionFunc(f.Name, p.completeFlag(c, f.Name)) // each flag once
		}
	}
	c.LocalNonPersistentFlags().VisitAll(complete)
	c.PersistentFlags().VisitAll(complete)
	for _, sub := range c.Commands() {
		p.add(sub)
	}
}

// isFile reports whether an argument or the value of a flag is a file.
func isFile(name string) bool {
	return strings.Contains(name, "FILE") || strings.Contains(name, "PATH")
}

// completeArgument returns the completion of the one argument of a command: a
// record of the command group, except after create.
func (p completer) completeArgument(c *cobra.Command, argument string) cobra.CompletionFunc {
	if argument == "" || c.Name() == "create" || !c.HasParent() {
		return cobra.NoFileCompletions
	}
	records := map[string]lookup{"users": lookUpUsers, "clients": lookUpClients, "audiences": lookUpAudiences}
	look, ok := records[c.Parent().Name()]
	if !ok {
		return cobra.NoFileCompletions
	}
	complete := p.fromStore(look)
	return func(c *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(c, args, prefix)
	}
}

// completeFlag returns the completion of the value of a flag.
func (p completer) completeFlag(c *cobra.Command, name string) cobra.CompletionFunc {
	fixed := func(values ...cobra.Completion) cobra.CompletionFunc {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	switch name {
	case "output":
		return fixed(string(outputText), string(outputJSON))
	case wayFlag:
		return fixed(
			cobra.CompletionWithDesc(string(client.WayPage), "tokens in the page"),
			cobra.CompletionWithDesc(string(client.WayRefresh), "refresh token in a cookie"),
			cobra.CompletionWithDesc(string(client.WaySession), "session cookie"),
		)
	case "alg":
		algorithms := []cobra.Completion{keys.RS256, keys.ES256, keys.EdDSA}
		if c.Name() == "keys" {
			algorithms = append(algorithms, keys.MAC, "all")
		}
		return fixed(algorithms...)
	}
	if look, ok := flagLookups[name]; ok {
		return p.fromStore(look)
	}
	if name == "grant" && c.Flags().Lookup("user") != nil {
		return p.fromStore(lookUpGrants(c))
	}
	return cobra.NoFileCompletions
}

// flagLookups are the records that the values of flags name.
var flagLookups = map[string]lookup{
	"audience": lookUpAudiences, "introspect": lookUpAudiences, "canary": lookUpAudiences,
	"client": lookUpClients, "client-id": lookUpClients,
	"user": lookUpUsers, "username": lookUpUsers,
	"cancel": lookUpKeys(isPlanned), "compromise": lookUpKeys(isUsable), "pem": lookUpKeys(isPublished),
	"key": lookUpKeys(isAny), "wait-for": lookUpVerifiers,
}

// fromStore returns a completion that reads the store. If that fails, or takes
// too long, there are no completions: a message would be in the user's line.
func (p completer) fromStore(look lookup) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(c.Context(), completionTimeout)
		defer cancel()
		found, err := p.lookUp(ctx, look, prefix)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// lookUp opens the store and reads completions. It writes nothing to stderr.
func (p completer) lookUp(ctx context.Context, look lookup, prefix string) ([]cobra.Completion, error) {
	silent := *p.program
	silent.err = io.Discard
	cfg, err := silent.load()
	if err != nil {
		return nil, err
	}
	a, err := app.OpenToRead(ctx, cfg, io.Discard)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return look(ctx, a, prefix)
}
