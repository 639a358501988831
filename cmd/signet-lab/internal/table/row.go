package table

import (
	"fmt"
	"io"
	"math"
)

// A Row is the result of one comparison.
type Row struct {
	// Name says what is measured and, after a colon, what it is compared with.
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Measured and Limit are the medians of all rounds. Limit is the figure
	// that Measured is compared with. It is absent if there is none.
	Measured float64 `json:"ours"`
	Limit    float64 `json:"limit,omitempty"`
	// Rounds has Measured / Limit of each round, or Measured if there is no
	// Limit. Ratio is their median.
	Ratio  float64   `json:"ratio"`
	Rounds []float64 `json:"rounds"`
	// Bound is the least permitted Ratio, or the greatest if AtMost is set.
	// Without a bound the row is only information.
	Bound  float64 `json:"bound,omitempty"`
	AtMost bool    `json:"at_most,omitempty"`
}

// Holds reports whether the row is within its bound.
func (r Row) Holds() bool {
	if r.AtMost {
		return r.Ratio <= r.Bound
	}
	return r.Ratio >= r.Bound
}

// verdict returns the last two cells of the row: the bound, and whether it
// holds.
func (r Row) verdict() string {
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
	return bound + threeDigits(r.Bound) + " | " + verdict
}

// printRows prints the rows as a Markdown table.
func printRows(w io.Writer, rows []Row) {
	_, _ = fmt.Fprint(w, "| | measured | compared with | ratio | rounds | must be | |\n|---|--:|--:|--:|---|--:|---|\n")
	for _, r := range rows {
		limit, ratio := "", ""
		if r.Limit != 0 {
			limit, ratio = threeDigits(r.Limit)+" "+r.Unit, fmt.Sprintf("%.2f", r.Ratio)
		}
		rounds := ""
		for i, one := range r.Rounds {
			if i > 0 {
				rounds += ", "
			}
			rounds += threeDigits(one)
		}
		_, _ = fmt.Fprintf(w, "| %s | %s %s | %s | %s | %s | %s |\n",
			r.Name, threeDigits(r.Measured), r.Unit, limit, ratio, rounds, r.verdict())
	}
}

// threeDigits formats a number with three significant digits, or with all
// digits before the decimal point if there are more.
func threeDigits(f float64) string {
	if math.Abs(f) >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}
