package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/signetd/signet/internal/apply"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/login"
)

const applyHelp = `Create and change the clients and audiences that FILE describes, in YAML or JSON; - is standard input:

  audiences:
    - id: https://api.example
      lifetime: 5m
      scope: read write
  clients:
    - id: shop
      audience: [https://api.example]
      scope: read
      secret_file: shop.secret

The fields have the names that "signet clients show -o json" and "signet audiences show -o json" print. A field that is
missing has its default. All changes are made, or none. A file that was applied before changes nothing.

A confidential client gets the secret in its secret_file. If the file does not exist, a secret is made and written there.
Without secret_file, the secret of a new client is printed once, unless the client has keys or a certificate.

Records that the file does not have stay. With --prune they are deleted, in the lists that the file has.`

// applyFlags are the flags of `apply`.
type applyFlags struct{ plan, prune, yes, export bool }

func newApplyCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "apply FILE",
		Short: "Create and change clients and audiences as a file describes them",
		Long:  applyHelp,
	}
	var f applyFlags
	c.Flags().BoolVar(&f.plan, "plan", false, "print the changes, and do not make them")
	c.Flags().BoolVar(&f.prune, "prune", false,
		"delete the clients and audiences that the file does not have; the grants of a deleted client are revoked")
	c.Flags().BoolVar(&f.yes, "yes", false, "delete without asking")
	c.Flags().BoolVar(&f.export, "export", false, "print the clients and audiences as a file, without secrets")
	c.MarkFlagsMutuallyExclusive("export", "plan")
	c.MarkFlagsMutuallyExclusive("export", "prune")
	c.Args = func(c *cobra.Command, args []string) error {
		if f.export && len(args) > 0 {
			return usageError("--export takes no FILE: it prints to standard output")
		} else if f.export {
			return nil
		}
		return cobra.ExactArgs(1)(c, args)
	}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		if f.export {
			return exportDirectory(ctx, p, o)
		}
		return applyFile(ctx, p, o, args[0], f)
	})
	return c
}

// exportDirectory prints all clients and audiences as a file.
func exportDirectory(ctx context.Context, p *program, o operator) error {
	d, err := o.Directory(ctx)
	if err != nil {
		return err
	}
	text, err := apply.Export(d)
	if err != nil {
		return err
	}
	_, err = p.out.Write(text)
	return wrapError("print the result", err)
}

// readApplied reads the file.
func readApplied(ctx context.Context, p *program, path string) (*apply.File, error) {
	if path == "-" {
		text, err := readUntilDone(ctx, func() (string, error) {
			text, err := io.ReadAll(io.LimitReader(p.in, apply.MaxSize+1))
			return string(text), err
		})
		if err != nil {
			return nil, wrapError("read standard input", err)
		}
		return apply.Read("standard input", strings.NewReader(text))
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return apply.Read(path, in)
}

// maxRaces is how many times the file is compared again because the clients or
// audiences have changed meanwhile.
const maxRaces = 10

func applyFile(ctx context.Context, p *program, o operator, path string, f applyFlags) error {
	file, err := readApplied(ctx, p, path)
	if err != nil {
		return err
	}
	confirmed := ""
	for races := 0; ; races++ {
		d, err := o.Directory(ctx)
		if err != nil {
			return err
		}
		plan, err := file.Compare(d, apply.Options{Admin: o.Admin, Prune: f.prune, Now: o.now()})
		if err != nil {
			return fmt.Errorf("nothing was changed:\n%w", err)
		}
		if f.plan {
			printWarnings(p.err, plan.Warnings)
			return printPlan(p, plan, false)
		}
		if deletions := deletionsOf(plan); deletions != confirmed && !f.yes {
			if err := confirmDeletions(ctx, p, plan, path == "-"); err != nil {
				return err
			}
			confirmed = deletions
		}
		made, err := plan.Make(ctx, o.Admin, o.actor)
		if errors.Is(err, client.ErrRaced) && races < maxRaces {
			continue
		}
		if made || err == nil {
			printWarnings(p.err, plan.Warnings)
			err = errors.Join(err, printPlan(p, plan, true))
		}
		return nameTaken(ctx, o, plan, err)
	}
}

// nameTaken adds the ids of the clients to login.ErrIDTaken.
func nameTaken(ctx context.Context, o operator, plan *apply.Plan, err error) error {
	if !errors.Is(err, login.ErrIDTaken) {
		return err
	}
	var faults []error
	for _, s := range plan.Steps {
		if s.Action != apply.Create || s.Kind != "client" {
			continue
		}
		taken, lookupErr := o.UserHasID(ctx, s.ID)
		if lookupErr != nil {
			return err
		}
		if taken {
			faults = append(faults, wrapError("client "+s.ID, login.ErrIDTaken))
		}
	}
	return errors.New("nothing was changed:\n" + describe(errors.Join(faults...)))
}

// deletionsOf returns the records that a plan deletes.
func deletionsOf(plan *apply.Plan) string {
	var names []string
	for _, s := range plan.Steps {
		if s.Action == apply.Delete {
			names = append(names, s.Kind+" "+s.ID)
		}
	}
	return strings.Join(names, ", ")
}

// confirmDeletions asks at the terminal whether records are to be deleted.
func confirmDeletions(ctx context.Context, p *program, plan *apply.Plan, fileIsInput bool) error {
	if fileIsInput || !term.IsTerminal(int(p.in.Fd())) {
		return fmt.Errorf("nothing was changed: --prune would delete %s; "+
			"there is no terminal to ask at, so give --yes too", printable(deletionsOf(plan)))
	}
	for _, s := range plan.Steps {
		if s.Action == apply.Delete {
			printStep(p.err, s, false)
		}
	}
	answer, err := p.prompt(ctx, "Delete them? Type yes")
	if err == nil && answer != "yes" {
		err = errors.New("nothing was changed: the answer was not yes")
	}
	return err
}
