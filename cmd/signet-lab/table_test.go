package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain lets this program be what signet-lab starts itself as.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "reference" || os.Args[1] == "hash") {
		main()
		return
	}
	os.Exit(m.Run())
}

// next returns one of the figures each time, in their order.
func next(figures ...float64) func(context.Context) (float64, error) {
	return func(context.Context) (float64, error) {
		if len(figures) == 0 {
			return 0, errors.New("asked once too often")
		}
		f := figures[0]
		figures = figures[1:]
		return f, nil
	}
}

func TestContestCountsTheMedianOfTheRounds(t *testing.T) {
	c := contest{
		name: "ours : theirs", unit: "/s", bound: 1.1,
		ours: next(80, 100, 80, 100, 300, 300, 300, 300, 110, 110, 110, 110), limit: next(slices.Repeat([]float64{100}, 12)...),
	}
	r, err := c.run(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if r.Ratio != 1.1 || r.Ours != 110 || r.Limit != 100 || !r.Holds() || len(r.Rounds) != 3 {
		t.Errorf("%+v", r)
	}
	if r.Bound = 1.2; r.Holds() {
		t.Error("1.1 is no less than 1.2")
	}
	if r.AtMost = true; !r.Holds() {
		t.Error("1.1 is more than 1.2")
	}
	if _, err := c.run(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "ours : theirs") {
		t.Errorf("a side that failed: %v", err)
	}
}

func TestWhoIsFirstChanges(t *testing.T) {
	var asked string
	side := func(name string) func(context.Context) (float64, error) {
		return func(context.Context) (float64, error) {
			asked += name
			return 1, nil
		}
	}
	c := contest{ours: side("a"), limit: side("b")}
	if _, err := c.run(t.Context(), 1); err != nil || asked != "abbaabba" {
		t.Errorf("asked %s, %v", asked, err)
	}
	asked, c.whole = "", true
	if _, err := c.run(t.Context(), 2); err != nil || asked != "abab" {
		t.Errorf("asked %s, %v", asked, err)
	}
}

func TestContestThatNeedsOneRound(t *testing.T) {
	r, err := contest{name: "bytes", unit: "B", ours: next(195), bound: 250, atMost: true, once: true}.run(t.Context(), 3)
	if err != nil || r.Ratio != 195 || r.Limit != 0 || !r.Holds() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTableIsMarkdown(t *testing.T) {
	var out bytes.Buffer
	printTable(&out, []row{
		{Name: "a : b", Unit: "/s", Ours: 13900, Limit: 17500, Ratio: .794, Rounds: []float64{.794, 1}, Bound: .9},
		{Name: "memory", Unit: "MiB", Ours: 31.25, Ratio: 31.25, Rounds: []float64{31.25}, Bound: 100, AtMost: true},
	})
	for _, line := range []string{
		"| a : b | 13900 /s | 17500 /s | 0.79 | 0.794, 1 | at least 0.9 | **no** |",
		"| memory | 31.2 MiB |  |  | 31.2 | at most 100 | holds |",
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("no line %s in\n%s", line, out.String())
		}
	}
}

// TestTable measures a few rows, for a moment, on the real parts: a Postgres, pgbench, issuers, the reference.
func TestTable(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds an issuer and starts a Postgres to measure, which the full form does")
	}
	file := filepath.Join(t.TempDir(), "table.json")
	c := tableCommand()
	c.SetArgs([]string{
		"--rounds", "1", "--warm-up", "0s", "--duration", "1s", "--grants", "20000", "--json", file,
		"--only", "one in flight|JWK|Mint, RS256|10,000|p99|resident|start",
	})
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(io.Discard)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) != 9 {
		t.Fatalf("%d rows, %v:\n%s", len(rows), err, text)
	}
	for _, r := range rows {
		if r.Ratio <= 0 || r.Ours <= 0 || !strings.Contains(out.String(), r.Name) {
			t.Errorf("%+v in\n%s", r, out.String())
		}
	}
	for _, wrong := range [][]string{{"--rounds", "0"}, {"--duration", "10ms"}, {"--grants", "5"}, {"--only", "("}, {"anything"}} {
		c := tableCommand()
		c.SetArgs(wrong)
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("table %v was done", wrong)
		}
	}
}
