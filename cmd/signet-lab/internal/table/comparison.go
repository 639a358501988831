package table

import (
	"context"
	"fmt"
	"slices"
)

// turns is the number of parts of a round. Both sides of a comparison are
// measured in each part. The speed of a shared machine changes within seconds,
// so each side needs its share of the fast and of the slow moments.
const turns = 4

// A measurement measures once and returns the figure.
type measurement func(context.Context) (float64, error)

// A comparison produces one row.
type comparison struct {
	name, unit      string
	measured, limit measurement // limit is nil if the row has none
	bound           float64     // as in Row
	atMost          bool
	once            bool // one round is enough: the figure is not a speed
	whole           bool // a round cannot be divided into turns
}

// run measures that many rounds.
func (c comparison) run(ctx context.Context, rounds int) (Row, error) {
	r := Row{Name: c.name, Unit: c.unit, Bound: c.bound, AtMost: c.atMost}
	if c.once {
		rounds = 1
	}

	var measured, limits []float64
	for range rounds {
		a, b, err := c.round(ctx)
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.name, err)
		}
		measured = append(measured, a)
		if c.limit == nil {
			r.Rounds = append(r.Rounds, a)
			continue
		}
		limits, r.Rounds = append(limits, b), append(r.Rounds, a/b)
	}

	r.Measured, r.Limit, r.Ratio = median(measured), median(limits), median(r.Rounds)
	return r, nil
}

// round returns the mean of each side. The sides swap their order after each
// turn.
func (c comparison) round(ctx context.Context) (measured, limit float64, err error) {
	if c.limit == nil {
		measured, err = c.measured(ctx)
		return measured, 0, err
	}

	n := turns
	if c.whole {
		n = 1
	}
	sides, means := [2]measurement{c.measured, c.limit}, [2]float64{}
	for turn := range n {
		for i := range sides {
			side := i ^ turn&1
			figure, err := sides[side](ctx)
			if err != nil {
				return 0, 0, err
			}
			means[side] += figure / float64(n)
		}
	}
	return means[0], means[1], nil
}

// median returns the middle of the figures, or zero if there are none.
func median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
