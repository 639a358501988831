package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// A table is rows of cells. The first row holds the column names.
type table [][]string

// print writes the table with aligned columns. An empty cell is a dash.
func (t table) print(w io.Writer) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range t {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = printable(cell); cell == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(tab, strings.Join(cells, "\t"))
	}
	_ = tab.Flush()
}

// A fieldTable is the fields of one object: name and value, one per line.
type fieldTable [][2]string

// print writes the fields with aligned values. It omits empty fields.
func (t fieldTable) print(w io.Writer) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, field := range t {
		if field[1] != "" {
			fmt.Fprintf(tab, "%s\t%s\n", field[0], printable(field[1]))
		}
	}
	_ = tab.Flush()
}

// printable replaces all characters that are not printable. A name must not
// move the cursor, break a table, or reverse the direction of writing.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// printWarnings writes the warnings, one per line.
func printWarnings(w io.Writer, warnings []string) {
	for _, warning := range warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
}

// formatTime returns a time in UTC, in whole seconds; "" for the zero time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// formatDuration returns a duration as text; "" for zero.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// formatNumber returns n in decimal, or the empty string for nil.
func formatNumber(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// formatState returns whether an object is enabled, from the time at which it
// was disabled.
func formatState(disabledAt time.Time) string {
	if disabledAt.IsZero() {
		return "enabled"
	}
	return "disabled"
}

// formatYes returns "yes" for true and "" for false, so that a fieldTable omits
// the field.
func formatYes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}
