package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
)

// pageSize is the number of users or grants that a command reads at once.
const pageSize = 1000

// An operator has the operations on the store, the actor that the audit log
// names for them, and the store's clock.
type operator struct {
	*admin.Admin
	actor audit.Actor
	now   func() time.Time
}

// openForOperator opens the store of the configuration. The caller closes it.
func (p *program) openForOperator(ctx context.Context) (*app.App, error) {
	cfg, err := p.load()
	if err != nil {
		return nil, err
	}
	return app.OpenForOperator(ctx, cfg, p.err)
}

// asOperator returns the RunE of a command that works on the store.
func (p *program) asOperator(
	run func(ctx context.Context, o operator, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		a, err := p.openForOperator(ctx)
		if err != nil {
			return err
		}
		defer a.Close()
		return run(ctx, operator{Admin: a.Admin, actor: a.Operator(), now: a.Now}, args)
	}
}

// An operation is a command that does one thing to one object.
type operation struct {
	use, short string
	// done is the printed result, such as "disabled".
	done string
	run  func(a *admin.Admin, ctx context.Context, by audit.Actor, id string) error
}

// addOperations adds a command for each operation to a command group. kind is
// the kind of the object, such as "user".
func addOperations(group *cobra.Command, p *program, kind string, operations ...operation) {
	for _, op := range operations {
		c := &cobra.Command{Use: op.use, Short: op.short, Args: cobra.ExactArgs(1)}
		c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
			if err := op.run(o.Admin, ctx, o.actor, args[0]); err != nil {
				return wrapError(kind+" "+args[0], err)
			}
			return p.printDone(kind, args[0], op.done)
		})
		group.AddCommand(c)
	}
}

// setIfGiven sets a field to the value of a flag if the command line has the
// flag.
func setIfGiven[T any](flags *pflag.FlagSet, name string, field *T, value T) {
	if flags.Changed(name) {
		*field = value
	}
}

// nonEmpty returns the values that are not empty. A list flag with one empty
// value clears the list.
func nonEmpty(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
}

// parseScope parses the values of a repeated --scope flag.
func parseScope(values []string) (oauth.Scope, error) {
	return oauth.ParseScope(strings.Join(nonEmpty(values), " "))
}
