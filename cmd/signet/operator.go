package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
)

// An operator is somebody at a shell who administers the store.
type operator struct {
	*admin.Admin
	actor audit.Actor
}

// operatorName is the actor of audit events: the operating system's user.
func operatorName() string {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return "operator:" + name
}

// operator is who acts by this command.
func (h *house) operator() audit.Actor {
	return audit.Actor{Name: operatorName(), RequestID: h.runID}
}

// asOperator opens the store for a command.
func (p *program) asOperator(do func(ctx context.Context, o operator, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		h, err := p.openStore(ctx)
		if err != nil {
			return err
		}
		defer h.close()
		return do(ctx, operator{Admin: h.admin, actor: h.operator()}, args)
	}
}

// verb returns a command that does one thing to one thing and says so.
func (p *program) verb(use, short, noun, done string,
	do func(operator, context.Context, audit.Actor, string) error,
) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1)}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		if err := do(o, ctx, o.actor, args[0]); err != nil {
			return about(noun+" "+args[0], err)
		}
		return p.did(noun, args[0], done)
	})
	return c
}

// did says what was done to what.
func (p *program) did(noun, name, done string) error {
	return p.show(map[string]string{noun: name, "done": done}, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s: %s\n", noun, printable(name), done)
	})
}

// set copies a value that the command line names.
func set[T any](flags *pflag.FlagSet, name string, to *T, value T) {
	if flags.Changed(name) {
		*to = value
	}
}

// nonEmpty leaves out empty values, so that a flag with none clears a list.
func nonEmpty(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
}

// parseScope reads the values of a repeated --scope.
func parseScope(given []string) (oauth.Scope, error) {
	return oauth.ParseScope(strings.Join(nonEmpty(given), " "))
}
