package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// grants makes so many grants, and what refreshes each.
func (t *target) grants(ctx context.Context, n int) ([]worker, error) {
	all := make([]worker, n)
	making, ctx := errgroup.WithContext(ctx)
	making.SetLimit(crowd)
	for i := range all {
		making.Go(func() (err error) {
			all[i], err = t.refresh(ctx)
			return err
		})
	}
	return all, making.Wait()
}

// inTurn deals workers out to so many, each of whom takes its own in turn.
func inTurn(all []worker, n int) []worker {
	few := make([]worker, n)
	for i := range few {
		var own []worker
		for j := i; j < len(all); j += n {
			own = append(own, all[j])
		}
		next := 0
		few[i] = func(ctx context.Context) (time.Duration, error) {
			next++
			return own[next%len(own)](ctx)
		}
	}
	return few
}

// many compares the refreshes of 10,000 grants among very many with those of 10,000 grants that are all there is.
func (h *hall) many() contest {
	var few, many []worker
	prepare := func(ctx context.Context) error {
		if few != nil {
			return nil
		}
		var err error
		if few, err = h.crowdOf(ctx, "few", 0); err == nil {
			many, err = h.crowdOf(ctx, "many", h.table.grants)
		}
		return err
	}
	rate := func(of *[]worker) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			if err := prepare(ctx); err != nil {
				return 0, err
			}
			r := h.load(crowd).run(ctx, inTurn(*of, crowd))
			if r.Errors > 0 {
				return 0, fmt.Errorf("%d errors: %s", r.Errors, r.FirstError)
			}
			return r.Rate, nil
		}
	}
	return contest{
		name: "Refresh of 10,000 grants among " + strconv.Itoa(h.table.grants) + " : of 10,000 alone, 64 in flight", unit: "/s", bound: .8,
		ours: rate(&many), limit: rate(&few),
	}
}

// slices is in how many pieces the other grants are made, with some of those that will be refreshed between them.
const slicesOfMany = 100

// crowdOf makes an issuer with 10,000 grants and others around them, and what refreshes the 10,000.
func (h *hall) crowdOf(ctx context.Context, name string, others int) ([]worker, error) {
	database, err := h.database(ctx, name)
	if err != nil {
		return nil, err
	}
	i, err := h.issuer(ctx, name, database, target{})
	if err != nil {
		return nil, err
	}
	at := i.target
	at.open(crowd)
	h.stops = append(h.stops, at.close)
	var all []worker
	for slice := range slicesOfMany {
		own, err := at.grants(ctx, rotated/slicesOfMany)
		if err != nil {
			return nil, err
		}
		all = append(all, own...)
		if others > 0 {
			n := others / slicesOfMany
			if err := h.sql(ctx, database, fmt.Sprintf(otherGrants, slice*n+1, (slice+1)*n)); err != nil {
				return nil, err
			}
		}
	}
	return all, h.sql(ctx, database, "VACUUM ANALYZE grants", "CHECKPOINT")
}

// otherGrants are as those that logins make.
const otherGrants = `INSERT INTO grants SELECT md5(n::text)::uuid, 'usr_' || md5(n::text), 'lab', 0, NULL, '0123456789abcdef', now(), 3600,
	now() + interval '30 days', NULL, NULL, '', 'read write', ARRAY['https://eddsa.example'], now(), ARRAY['pwd'], '', '', now(), NULL
	FROM generate_series(%d, %d) n`
