package table

import (
	"context"
	"fmt"
	"io"
	"regexp"

	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

// Run measures the rows that the options select. It prints each ratio to
// progress when it is known, and in the end all rows to out.
func Run(ctx context.Context, o Options, out, progress io.Writer) error {
	if err := o.validate(); err != nil {
		return err
	}
	only, err := regexp.Compile(o.Only)
	if err != nil {
		return err
	}

	bed, err := testbed.New(ctx)
	if err != nil {
		return err
	}
	defer bed.Close()
	s, err := newSuite(ctx, o, bed)
	if err != nil {
		return err
	}

	var rows []Row
	for _, c := range s.comparisons() {
		if !only.MatchString(c.name) {
			continue
		}
		r, err := c.run(ctx, o.Rounds)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(progress, "%s: %.3g\n", r.Name, r.Ratio)
		rows = append(rows, r)
	}

	printRows(out, rows)
	return measure.WriteJSON(o.JSONFile, rows)
}

// comparisons returns all comparisons in the order of the table.
func (s *suite) comparisons() []comparison {
	all := s.refreshComparisons()
	all = append(all, (&endings{suite: s}).comparisons()...)
	all = append(all, s.signingComparisons()...)
	all = append(all, s.loginComparisons()...)
	all = append(all, (&checks{suite: s}).comparisons()...)
	return append(all, s.resourceComparisons()...)
}
