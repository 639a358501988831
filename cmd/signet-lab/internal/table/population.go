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

// manyGrantsComparison compares refreshes of 10,000 grants in a large table
// with refreshes of 10,000 grants in a table without other grants. It creates
// both tables at the first measurement.
func (s *suite) manyGrantsComparison() comparison {
	var small, large []load.Worker
	prepare := func(ctx context.Context) error {
		if small != nil {
			return nil
		}
		var err error
		if small, err = s.createPopulation(ctx, "small", 0); err == nil {
			large, err = s.createPopulation(ctx, "large", s.Grants)
		}
		return err
	}

	rate := func(workers *[]load.Worker) measurement {
		return func(ctx context.Context) (float64, error) {
			if err := prepare(ctx); err != nil {
				return 0, err
			}
			r := s.profile(highConcurrency).Run(ctx, load.Merge(*workers, highConcurrency))
			if r.Errors > 0 {
				return 0, fmt.Errorf("%d errors: %s", r.Errors, r.FirstError)
			}
			return r.Rate, nil
		}
	}

	return comparison{
		name: "Refresh of 10,000 grants among " + strconv.Itoa(s.Grants) + " : of 10,000 without others, 64 concurrent",
		unit: "/s", bound: .8,
		measured: rate(&large), limit: rate(&small),
	}
}

// createPopulation starts an issuer on a new database and creates 10,000
// grants, with that many others between them. It returns a worker for each of
// the 10,000.
func (s *suite) createPopulation(ctx context.Context, name string, others int) ([]load.Worker, error) {
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

	var workers []load.Worker
	for batch := range populationBatches {
		some, err := c.RefreshWorkers(ctx, baseline.RotationRows/populationBatches, highConcurrency)
		if err != nil {
			return nil, err
		}
		workers = append(workers, some...)
		if others > 0 {
			n := others / populationBatches
			if err := testbed.Exec(ctx, database, fmt.Sprintf(insertGrants, batch*n+1, (batch+1)*n)); err != nil {
				return nil, err
			}
		}
	}
	return workers, testbed.Exec(ctx, database, "VACUUM ANALYZE grants", "CHECKPOINT")
}
