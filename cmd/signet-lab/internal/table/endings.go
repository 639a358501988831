package table

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// maxEndingTime is how long the end of one user's grants may take until it is
// in all their rows.
const maxEndingTime = 10 * time.Minute

const (
	// insertUsers inserts users with the numbers from 1 to %d.
	insertUsers = `INSERT INTO users (id, username, password_hash, claims, epoch, created_at)
		SELECT 'usr_lab-' || n, 'lab-' || n, 'none', '{}', 0, now() FROM generate_series(1, %d) n`
	// insertGrantsOfUser inserts grants of the user with the number %[1]d.
	insertGrantsOfUser = `INSERT INTO grants SELECT md5('%[1]d ' || n)::uuid, 'usr_lab-%[1]d', 'lab', 0, NULL,
		'0123456789abcdef', now(), 3600, now() + interval '30 days', NULL, NULL, '', 'read write',
		ARRAY['https://eddsa.example'], now(), ARRAY['pwd'], '', '', now(), NULL FROM generate_series(1, %[2]d) n`
	// countLiveGrants counts the grants of a user that are not revoked.
	countLiveGrants = `SELECT count(*)::float8 FROM grants WHERE user_id = $1 AND revoked_at IS NULL`
)

// An endings has the comparisons about users with many grants, and about grants
// that are ended or suspended.
type endings struct {
	*suite
	// p has a user for each round, and another one, with many grants each. It
	// is nil before the first measurement.
	p       *population
	deleted int // users that were deleted
}

func (e *endings) comparisons() []comparison {
	return []comparison{e.endedUser(), e.disabledUsers(), e.listedUser()}
}

// endedUser compares refreshes during the end of one user's grants with
// refreshes at other times. Each round deletes another user.
func (e *endings) endedUser() comparison {
	others, grants := e.sizes()
	return comparison{
		name: "Refresh among " + strconv.Itoa(others) + " grants while the " + strconv.Itoa(grants) +
			" of one user are ended : undisturbed, 64 concurrent",
		unit: "/s", bound: .9, whole: true,
		measured: func(ctx context.Context) (float64, error) {
			if err := e.prepare(ctx); err != nil {
				return 0, err
			}
			return e.rateDuringEnding(ctx)
		},
		limit: func(ctx context.Context) (float64, error) {
			if err := e.prepare(ctx); err != nil {
				return 0, err
			}
			return e.p.rate(ctx, e.wholeProfile())
		},
	}
}

// sizes returns the number of other grants, and of the grants of each user.
func (e *endings) sizes() (others, grants int) { return e.Grants / 10, e.Grants / 50 }

// prepare creates the population before the first measurement.
func (e *endings) prepare(ctx context.Context) error {
	if e.p != nil {
		return nil
	}
	others, grants := e.sizes()
	p, err := e.createPopulation(ctx, "endings", others)
	if err == nil {
		err = insertUsersWithGrants(ctx, p.StoreURL, e.Rounds+1, grants)
	}
	if err == nil {
		e.p = p
	}
	return err
}

// insertUsersWithGrants inserts users that have that many grants each.
func insertUsersWithGrants(ctx context.Context, database string, users, grants int) error {
	statements := []string{fmt.Sprintf(insertUsers, users)}
	for n := range users {
		statements = append(statements, fmt.Sprintf(insertGrantsOfUser, n+1, grants))
	}
	return testbed.Exec(ctx, database, append(statements, "VACUUM ANALYZE", "CHECKPOINT")...)
}

// rateDuringEnding returns the refreshes per second while the next user is
// deleted. It then waits until all rows of the user's grants have ended, so
// that the next measurement is undisturbed.
func (e *endings) rateDuringEnding(ctx context.Context) (float64, error) {
	e.deleted++
	user := strconv.Itoa(e.deleted)
	service, closeConn, err := e.p.Admin(ctx)
	if err != nil {
		return 0, err
	}
	defer closeConn()

	var rate float64
	both, running := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		rate, err = e.p.rate(running, e.wholeProfile())
		return err
	})
	both.Go(func() error {
		select {
		case <-time.After(e.WarmUp):
		case <-running.Done():
			return running.Err()
		}
		_, err := service.DeleteUser(running, &signetv1.DeleteUserRequest{Username: "lab-" + user})
		return err
	})
	if err := both.Wait(); err != nil {
		return 0, err
	}
	return rate, awaitEnding(ctx, e.p.StoreURL, "usr_lab-"+user)
}

// awaitEnding waits until no row of the user's grants is live.
func awaitEnding(ctx context.Context, database, user string) error {
	ctx, cancel := context.WithTimeout(ctx, maxEndingTime)
	defer cancel()
	for {
		live, err := testbed.QueryNumber(ctx, database, countLiveGrants, user)
		if err != nil {
			return err
		}
		if live == 0 {
			return testbed.Exec(ctx, database, "VACUUM grants", "CHECKPOINT")
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return fmt.Errorf("%.0f grants of a deleted user are still live: %w", live, ctx.Err())
		}
	}
}

// disabledUsers compares refreshes in a store with disabled users with
// refreshes in a store without.
func (e *endings) disabledUsers() comparison {
	users := e.Grants / 1000
	some, none := e.populations(func(ctx context.Context) (some, none *population, err error) {
		if none, err = e.createPopulation(ctx, "enabled", 0); err == nil {
			some, err = e.createPopulation(ctx, "disabled", 0)
		}
		if err == nil {
			err = disableUsers(ctx, some, users)
		}
		return some, none, err
	})
	return comparison{
		name: "Refresh beside " + strconv.Itoa(users) + " disabled users : beside none, 64 concurrent",
		unit: "/s", bound: .95, measured: some, limit: none,
	}
}

// disableUsers creates that many users and disables them.
func disableUsers(ctx context.Context, p *population, users int) error {
	if err := testbed.Exec(ctx, p.StoreURL, fmt.Sprintf(insertUsers, users)); err != nil {
		return err
	}
	service, closeConn, err := p.Admin(ctx)
	if err != nil {
		return err
	}
	defer closeConn()

	calls, callCtx := errgroup.WithContext(ctx)
	calls.SetLimit(16)
	for n := range users {
		calls.Go(func() error {
			_, err := service.DisableUser(callCtx, &signetv1.DisableUserRequest{Username: "lab-" + strconv.Itoa(n+1)})
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		return err
	}
	return testbed.Exec(ctx, p.StoreURL, "VACUUM ANALYZE", "CHECKPOINT")
}

// listedUser compares the latency of refreshes while a client makes 100
// concurrent lists of a user's grants with that at other times. A refresh that
// fails is an error, and so is a server that is not ready.
func (e *endings) listedUser() comparison {
	_, grants := e.sizes()
	p99 := func(lists int) measurement {
		return func(ctx context.Context) (float64, error) {
			if err := e.prepare(ctx); err != nil {
				return 0, err
			}
			return e.p99DuringLists(ctx, lists)
		}
	}
	return comparison{
		name: "Refresh, 500/s, p99 during 100 concurrent lists of " + strconv.Itoa(grants) +
			" grants : without them",
		unit: "ms", whole: true, measured: p99(100), limit: p99(0),
	}
}

// p99DuringLists returns the p99 latency, in milliseconds, of 500 refreshes a
// second while that many goroutines list the grants of the last user.
func (e *endings) p99DuringLists(ctx context.Context, lists int) (float64, error) {
	c := e.p.Connect(highConcurrency)
	defer c.Close()
	request := &signetv1.ListGrantsRequest{Subject: "usr_lab-" + strconv.Itoa(e.Rounds+1)}
	listing, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for range lists {
		all.Go(func() {
			for listing.Err() == nil {
				_, _ = c.GrantService.ListGrants(listing, request) // the server refuses some of them
			}
		})
	}

	profile := load.Profile{Rate: 500, WarmUp: e.WarmUp, Duration: e.Duration}
	r := profile.Run(ctx, load.Merge(e.p.workers, highConcurrency))
	ready := e.p.Ready(ctx)
	stop()
	all.Wait()
	switch {
	case r.Errors > 0:
		return 0, fmt.Errorf("%d refreshes failed: %s", r.Errors, r.FirstError)
	case ready != nil:
		return 0, ready
	}
	return r.Quantile(.99).Seconds() * 1000, nil
}
