package table

import (
	"context"
	"fmt"
	"strconv"

	"github.com/signetd/signet/cmd/signet-lab/internal/baseline"
	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

// populationBatches is the number of batches in which createPopulation creates
// grants. Each batch has some of the grants that are refreshed, and some of the
// others.
const populationBatches = 100

// insertGrants inserts grants with the numbers from %d to %d. Their rows are
// like those that logins create.
const insertGrants = `INSERT INTO grants SELECT md5(n::text)::uuid, 'usr_' || md5(n::text), 'lab', 0, NULL,
	'0123456789abcdef', now(), 3600, now() + interval '30 days', NULL, NULL, '', 'read write',
	ARRAY['https://eddsa.example'], now(), ARRAY['pwd'], '', '', now(), NULL FROM generate_series(%d, %d) n`

// A population is an issuer on a database of its own, with 10,000 grants that
// the lab refreshes.
type population struct {
	*testbed.Issuer
	workers []load.Worker
}

// rate returns the refreshes per second of the 10,000 grants, 64 concurrent.
func (p *population) rate(ctx context.Context, profile load.Profile) (float64, error) {
	r := profile.Run(ctx, load.Merge(p.workers, highConcurrency))
	if r.Errors > 0 {
		return 0, fmt.Errorf("%d errors: %s", r.Errors, r.FirstError)
	}
	return r.Rate, nil
}

// populations returns measurements of the refreshes in two populations. It
// calls create before the first measurement.
func (s *suite) populations(create func(context.Context) (a, b *population, err error)) (a, b measurement) {
	var created [2]*population
	rate := func(i int) measurement {
		return func(ctx context.Context) (float64, error) {
			if created[i] == nil {
				var err error
				if created[0], created[1], err = create(ctx); err != nil {
					return 0, err
				}
			}
			return created[i].rate(ctx, s.profile(highConcurrency))
		}
	}
	return rate(0), rate(1)
}

// manyGrantsComparison compares refreshes of 10,000 grants in a large table
// with refreshes of 10,000 grants in a table without other grants.
func (s *suite) manyGrantsComparison() comparison {
	large, small := s.populations(func(ctx context.Context) (large, small *population, err error) {
		if small, err = s.createPopulation(ctx, "small", 0); err == nil {
			large, err = s.createPopulation(ctx, "large", s.Grants)
		}
		return large, small, err
	})
	return comparison{
		name: "Refresh of 10,000 grants among " + strconv.Itoa(s.Grants) + " : of 10,000 without others, 64 concurrent",
		unit: "/s", bound: .8, measured: large, limit: small,
	}
}

// createPopulation starts an issuer on a new database and creates 10,000
// grants, with that many others between them.
func (s *suite) createPopulation(ctx context.Context, name string, others int) (*population, error) {
	database, err := s.bed.CreateDatabase(ctx, name)
	if err != nil {
		return nil, err
	}
	i, err := s.bed.StartIssuer(ctx, name, database)
	if err != nil {
		return nil, err
	}
	c := i.Connect(highConcurrency)
	s.bed.OnClose(c.Close)

	p := &population{Issuer: i}
	for batch := range populationBatches {
		some, err := c.RefreshWorkers(ctx, baseline.RotationRows/populationBatches, highConcurrency)
		if err != nil {
			return nil, err
		}
		p.workers = append(p.workers, some...)
		if others > 0 {
			n := others / populationBatches
			if err := testbed.Exec(ctx, database, fmt.Sprintf(insertGrants, batch*n+1, (batch+1)*n)); err != nil {
				return nil, err
			}
		}
	}
	return p, testbed.Exec(ctx, database, "VACUUM ANALYZE grants", "CHECKPOINT")
}
