package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// A row of the table compares two measurements, or one with a bound of its own.
type row struct {
	// Name says what is measured against what; one name may stand in several rows that are measured together.
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Ours and Limit are the medians of all rounds. Limit is absent where ours stands alone.
	Ours  float64 `json:"ours"`
	Limit float64 `json:"limit,omitempty"`
	// Ratio is the median of what each round had for ours : limit, or ours itself.
	Ratio  float64   `json:"ratio"`
	Rounds []float64 `json:"rounds"`
	// Bound is what Ratio must reach, AtMost whether it must not exceed it instead. Without a bound the row is there to compare.
	Bound  float64 `json:"bound,omitempty"`
	AtMost bool    `json:"at_most,omitempty"`
}

// Holds says whether the row reaches its bound.
func (r row) Holds() bool {
	if r.AtMost {
		return r.Ratio <= r.Bound
	}
	return r.Ratio >= r.Bound
}

// turns is in how many pieces both sides of a contest measure in a round. A machine that is shared changes its pace within
// seconds, so that each side needs its part of the good and the bad ones.
const turns = 4

// A contest is how the figures of a row are had. Each side measures a piece and returns its figure; they are asked in turn.
type contest struct {
	name, unit  string
	ours, limit func(context.Context) (float64, error)
	bound       float64
	atMost      bool
	// once is set where one round is enough, since what is measured is no speed, whole where a round cannot be had in pieces.
	once, whole bool
}

// run measures a contest in so many rounds.
func (c contest) run(ctx context.Context, rounds int) (row, error) {
	r := row{Name: c.name, Unit: c.unit, Bound: c.bound, AtMost: c.atMost}
	if c.once {
		rounds = 1
	}
	var ours, limits []float64
	for range rounds {
		a, b, err := c.round(ctx)
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.name, err)
		}
		ours = append(ours, a)
		if c.limit == nil {
			r.Rounds = append(r.Rounds, a)
			continue
		}
		limits, r.Rounds = append(limits, b), append(r.Rounds, a/b)
	}
	r.Ours, r.Limit, r.Ratio = median(ours), median(limits), median(r.Rounds)
	return r, nil
}

// round returns the means of both sides. Who is first changes from turn to turn.
func (c contest) round(ctx context.Context) (ours, limit float64, err error) {
	if c.limit == nil {
		ours, err = c.ours(ctx)
		return ours, 0, err
	}
	n := turns
	if c.whole {
		n = 1
	}
	sides, sums := []func(context.Context) (float64, error){c.ours, c.limit}, make([]float64, 2)
	for turn := range n {
		for i := range sides {
			side := i ^ turn&1
			figure, err := sides[side](ctx)
			if err != nil {
				return 0, 0, err
			}
			sums[side] += figure / float64(n)
		}
	}
	return sums[0], sums[1], nil
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// A table is one call of `signet-lab table`.
type table struct {
	rounds   int
	warmUp   time.Duration
	duration time.Duration
	grants   int
	only     string
	jsonFile string
}

func tableCommand() *cobra.Command {
	t := &table{}
	c := &cobra.Command{
		Use:   "table",
		Short: "Measure everything against what it cannot be faster than",
		Long: "Build the issuer from this source, run it on a durable Postgres of its own and on SQLite, and compare each operation with\n" +
			"what it cannot be faster than on this machine: the database's own benchmark, raw signatures, bare servers. Both sides are\n" +
			"measured in turn, piece by piece; what counts is the median of the rounds' ratios. Needs Go and PostgreSQL's programs;\n" +
			"takes half an hour and 10 GB of disk. Let nothing else run meanwhile.",
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.IntVar(&t.rounds, "rounds", 3, "how often each is measured")
	f.DurationVar(&t.warmUp, "warm-up", 2*time.Second, "run for so long in a round before it counts")
	f.DurationVar(&t.duration, "duration", 6*time.Second, "measure each side for so long in a round, at most 1m")
	f.IntVar(&t.grants, "grants", 10_000_000, "how many grants many are")
	f.StringVar(&t.only, "only", "", "measure the rows whose name this `EXPRESSION` matches")
	f.StringVar(&t.jsonFile, "json", "", "write the figures to this `FILE`")
	c.RunE = func(c *cobra.Command, _ []string) error { return t.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr()) }
	return c
}

func (t *table) run(ctx context.Context, out, progress io.Writer) error {
	if t.rounds < 1 || t.rounds > 100 || t.duration < time.Second || t.duration > time.Minute || t.warmUp < 0 || t.warmUp > time.Minute || t.grants < 2*rotated {
		return fmt.Errorf("want 1 to 100 rounds of 1s to 1m and at least %d grants", 2*rotated)
	}
	only, err := regexp.Compile(t.only)
	if err != nil {
		return err
	}
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	contests, err := t.contests(ctx, s)
	if err != nil {
		return err
	}
	var rows []row
	for _, c := range contests {
		if !only.MatchString(c.name) {
			continue
		}
		r, err := c.run(ctx, t.rounds)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(progress, "%s: %.3g\n", r.Name, r.Ratio)
		rows = append(rows, r)
	}
	printTable(out, rows)
	if t.jsonFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(t.jsonFile, append(text, '\n'), 0o600)
}

// must says what the row must be and whether it is, as two cells.
func (r row) must() string {
	bound, verdict := "at least ", "holds"
	switch {
	case r.Bound == 0:
		return " | "
	case r.AtMost:
		bound = "at most "
	}
	if !r.Holds() {
		verdict = "**no**"
	}
	return bound + short(r.Bound) + " | " + verdict
}

// printTable prints the rows in Markdown.
func printTable(w io.Writer, rows []row) {
	_, _ = fmt.Fprint(w, "| | measured | limit | ratio | rounds | must be | |\n|---|--:|--:|--:|---|--:|---|\n")
	for _, r := range rows {
		limit, ratio := "", ""
		if r.Limit != 0 {
			limit, ratio = short(r.Limit)+" "+r.Unit, fmt.Sprintf("%.2f", r.Ratio)
		}
		rounds := ""
		for i, one := range r.Rounds {
			if i > 0 {
				rounds += ", "
			}
			rounds += short(one)
		}
		_, _ = fmt.Fprintf(w, "| %s | %s %s | %s | %s | %s | %s |\n", r.Name, short(r.Ours), r.Unit, limit, ratio, rounds, r.must())
	}
}

// short prints three digits, or all before the point.
func short(f float64) string {
	if math.Abs(f) >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}
