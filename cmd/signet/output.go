package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// An outputFormat is the --output flag.
type outputFormat string

const (
	outputText outputFormat = "text"
	outputJSON outputFormat = "json"
)

// String, Set and Type make it a flag that takes nothing but the two.
func (o *outputFormat) String() string { return string(*o) }

// Set takes text or json.
func (o *outputFormat) Set(value string) error {
	switch f := outputFormat(value); f {
	case outputText, outputJSON:
		*o = f
		return nil
	}
	return fmt.Errorf("must be text or json")
}

// Type names the flag's kind.
func (o *outputFormat) Type() string { return "text or json" }

// show prints a result: as JSON, or through text. An error means that it was not all written.
func (p *program) show(result any, text func(w io.Writer)) error {
	var b bytes.Buffer
	if p.output == outputJSON {
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(result); err != nil {
			return err
		}
	} else {
		text(&b)
	}
	_, err := p.out.Write(b.Bytes())
	return about("print the result", err)
}

// A table is lines of cells, the head first.
type table [][]string

// print writes the table with aligned columns.
func (t table) print(w io.Writer) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range t {
		cells := make([]string, len(line))
		for i, cell := range line {
			if cells[i] = printable(cell); cell == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(tab, strings.Join(cells, "\t"))
	}
	_ = tab.Flush()
}

// printable replaces what could move a terminal's cursor or a table's columns, or turn the direction of writing.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

// A sheet is the names and values of one thing, one per line.
type sheet [][2]string

// print writes the sheet, leaving out what is empty.
func (s sheet) print(w io.Writer) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range s {
		if line[1] != "" {
			fmt.Fprintf(tab, "%s\t%s\n", line[0], printable(line[1]))
		}
	}
	_ = tab.Flush()
}

// when writes a time for people: UTC, in seconds; empty if it is zero.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// lasting writes a duration for people; empty if it is zero.
func lasting(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// stateOf says whether something is in use.
func stateOf(disabledAt time.Time) string {
	if disabledAt.IsZero() {
		return "enabled"
	}
	return "disabled"
}
