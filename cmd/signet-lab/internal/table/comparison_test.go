package table

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// sequence returns a measurement that returns one figure after the other, and
// then an error.
func sequence(figures ...float64) measurement {
	return func(context.Context) (float64, error) {
		if len(figures) == 0 {
			return 0, errors.New("no more figures")
		}
		f := figures[0]
		figures = figures[1:]
		return f, nil
	}
}

func TestComparison_RatioIsMedianOfRounds(t *testing.T) {
	c := comparison{
		name: "ours : theirs", unit: "/s", bound: 1.1,
		measured: sequence(80, 100, 80, 100, 300, 300, 300, 300, 110, 110, 110, 110),
		limit:    sequence(slices.Repeat([]float64{100}, 12)...),
	}
	r, err := c.run(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if r.Ratio != 1.1 || r.Measured != 110 || r.Limit != 100 || !r.Holds() || len(r.Rounds) != 3 {
		t.Errorf("%+v", r)
	}
	if r.Bound = 1.2; r.Holds() {
		t.Error("1.1 holds a bound of at least 1.2")
	}
	if r.AtMost = true; !r.Holds() {
		t.Error("1.1 does not hold a bound of at most 1.2")
	}
	if _, err := c.run(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "ours : theirs") {
		t.Errorf("a side that failed: %v", err)
	}
}

func TestComparison_SidesSwapTheirOrder(t *testing.T) {
	var calls string
	side := func(name string) measurement {
		return func(context.Context) (float64, error) {
			calls += name
			return 1, nil
		}
	}
	c := comparison{measured: side("a"), limit: side("b")}
	if _, err := c.run(t.Context(), 1); err != nil || calls != "abbaabba" {
		t.Errorf("calls %s, %v", calls, err)
	}
	calls, c.whole = "", true
	if _, err := c.run(t.Context(), 2); err != nil || calls != "abab" {
		t.Errorf("calls %s, %v", calls, err)
	}
}

func TestComparison_OneRound(t *testing.T) {
	c := comparison{name: "bytes", unit: "B", measured: sequence(195), bound: 250, atMost: true, once: true}
	r, err := c.run(t.Context(), 3)
	if err != nil || r.Ratio != 195 || r.Limit != 0 || !r.Holds() {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPrintRows_Markdown(t *testing.T) {
	var out bytes.Buffer
	printRows(&out, []Row{
		{Name: "a : b", Unit: "/s", Measured: 13900, Limit: 17500, Ratio: .794, Rounds: []float64{.794, 1}, Bound: .9},
		{
			Name: "memory", Unit: "MiB", Measured: 31.25, Ratio: 31.25, Rounds: []float64{31.25},
			Bound: 100, AtMost: true,
		},
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
