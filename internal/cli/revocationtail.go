package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/grant"
)

// lastEntries is how many entries that exist `revocations tail` prints.
const lastEntries = 10

const tailHelp = `Print the last ten entries of the revocation log, and then each new one as servers and commands write it, one in a line.
The command ends when it is interrupted. With --output json, each line is a JSON object.`

func newRevocationsTailCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "tail", Short: "Print the newest revocations, and follow the log", Long: tailHelp, Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		a, err := p.openForOperator(ctx)
		if err != nil {
			return err
		}
		defer a.Close()
		t := &tail{p: p, log: a.Admin.Revocations}
		err = t.follow(ctx, a.Config.Revocations.PollInterval)
		if ctx.Err() != nil {
			return nil // this is how the command ends
		}
		return err
	}
	return c
}

// A tail follows the revocation log.
type tail struct {
	p    *program
	log  *admin.Revocations
	last grant.LoggedRevocation // the entry that was read last
}

// follow prints the last entries and then each new one, until ctx ends.
func (t *tail) follow(ctx context.Context, interval time.Duration) error {
	entries, err := t.read(ctx, lastEntries)
	for err == nil {
		for _, e := range entries {
			if err := t.p.printEntry(e); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
		entries, err = t.readNew(ctx)
	}
	return err
}

// readNew returns the entries after the last one. If the log does not have the
// last one any more, as after a restore, it returns all entries.
func (t *tail) readNew(ctx context.Context) ([]grant.LoggedRevocation, error) {
	if t.last.Seq > 0 {
		first, _, err := t.log.Log(ctx, admin.LogFilter{}, t.last.Seq, 1)
		if err != nil {
			return nil, err
		}
		// A later entry alone means that the servers deleted expired ones.
		if len(first) == 0 || first[0].Seq == t.last.Seq && first[0].Mark != t.last.Mark {
			fmt.Fprintln(t.p.err, "warning: the log lost its newest entries, as after a restore; all entries follow")
			t.last = grant.LoggedRevocation{}
		}
	}
	return t.read(ctx, 0)
}

// read reads the log from the last entry to its end. It returns the newest
// entries and drops the others; 0 means that it returns all.
func (t *tail) read(ctx context.Context, newest int) ([]grant.LoggedRevocation, error) {
	var entries []grant.LoggedRevocation
	for from := t.last.Seq + 1; from > 0; {
		page, next, err := t.log.Log(ctx, admin.LogFilter{}, from, logPage)
		if err != nil {
			return nil, err
		}
		entries = append(entries, page...)
		if extra := len(entries) - newest; newest > 0 && extra > 0 {
			entries = append([]grant.LoggedRevocation{}, entries[extra:]...)
		}
		from = next
	}
	if len(entries) > 0 {
		t.last = entries[len(entries)-1]
	}
	return entries, nil
}

// printEntry prints an entry as one line.
func (p *program) printEntry(e grant.LoggedRevocation) error {
	v := newRevocationView(e)
	line := fmt.Appendf(nil, "%6d  %-17s  %s  before %s", v.Seq, v.Kind, v.Hash, formatMoment(v.Before))
	if p.output == outputJSON {
		var err error
		if line, err = json.Marshal(v); err != nil {
			return err
		}
	}
	_, err := p.out.Write(append(line, '\n'))
	return wrapError("print the result", err)
}
