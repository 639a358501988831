package postgres

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// maxRefreshConns is how many connections are only for refreshes, if there are
// enough.
const maxRefreshConns = maxUnsharedRefreshes

// pools are the connections of a Store. Polls and refreshes have connections
// that nothing else uses, so that no other call can delay them. Some of the
// pools are the same if there are fewer than three connections.
type pools struct{ polls, refreshes, others *pgxpool.Pool }

// openPools opens pools with config.MaxConns connections in total.
func openPools(ctx context.Context, config *pgxpool.Config) (p pools, err error) {
	polls, refreshes, others := splitConns(int(config.MaxConns))
	if p.others, err = openPool(ctx, config, others); err != nil {
		return p, err
	}
	p.polls, p.refreshes = p.others, p.others
	if polls > 0 {
		if p.polls, err = openPool(ctx, config, polls); err != nil {
			return p, err
		}
		p.refreshes = p.polls
	}
	if refreshes > 0 {
		p.refreshes, err = openPool(ctx, config, refreshes)
	}
	return p, err
}

// splitConns divides n connections. The polls have none of their own if there
// is only one connection. The refreshes have none of their own if there are
// fewer than three. They then use those of the polls.
func splitConns(n int) (polls, refreshes, others int) {
	switch n {
	case 1:
		return 0, 0, 1
	case 2:
		return 1, 0, 1
	}
	refreshes = min(n/2, maxRefreshConns)
	return 1, refreshes, n - 1 - refreshes
}

// openPool opens a pool with at most maxConns connections.
func openPool(ctx context.Context, config *pgxpool.Config, maxConns int) (*pgxpool.Pool, error) {
	c := config.Copy()
	c.MaxConns = int32(maxConns)
	c.MinConns, c.MinIdleConns = min(c.MinConns, c.MaxConns), min(c.MinIdleConns, c.MaxConns)
	return pgxpool.NewWithConfig(ctx, c)
}

// all returns the different pools that are open.
func (p pools) all() []*pgxpool.Pool {
	var all []*pgxpool.Pool
	for _, pool := range []*pgxpool.Pool{p.others, p.polls, p.refreshes} {
		if pool != nil && (len(all) == 0 || pool != all[0] && pool != all[len(all)-1]) {
			all = append(all, pool)
		}
	}
	return all
}

// reset closes all connections: those in use when their call has ended.
func (p pools) reset() {
	for _, pool := range p.all() {
		pool.Reset()
	}
}

// close waits for the calls that still run and closes all connections.
func (p pools) close() {
	for _, pool := range p.all() {
		pool.Close()
	}
}

// A quota is what one kind of call may use: a pool, and at most so many of its
// connections at the same time.
type quota struct {
	database
	// slots has an element for each connection in use. nil means that the kind
	// may use all connections of the pool.
	slots chan struct{}
	waits *waits
}

// quotas are the quotas of all kinds of calls.
type quotas struct {
	// polls are the reads of the directory, of the key ring and of their
	// versions, and the changes of the key ring.
	polls quota
	// refreshes are the statements of refreshes.
	refreshes quota
	// lists are reads of many rows.
	lists quota
	// reads are reads of single rows.
	reads quota
	// shared are transactions of writes that share them.
	shared quota
	// revocations are statements that revoke single grants.
	revocations quota
	// retries are writes whose shared transaction was rolled back.
	retries quota
	// acts are all other writes.
	acts quota
	// sweeps are the work of the background tasks.
	sweeps quota
}

// newQuotas divides the connections of the pool others among the kinds of
// calls. No kind may use all of them. Reads of single rows may use all but one,
// because they are short. With alone, reads, shared writes and revocations do
// not share statements, and each of the three may use all of the pool.
func newQuotas(p pools, alone bool, w *waits) quotas {
	others := database{p.others}
	limited := func(n int) quota { return quota{others, make(chan struct{}, max(1, n)), w} }
	all := int(p.others.Config().MaxConns)
	third := all / 3
	q := quotas{
		polls: quota{database: database{p.polls}}, refreshes: quota{database: database{p.refreshes}},
		lists: limited(third), reads: limited(all - 1), shared: limited(min(third+2, maxWriteTransactions)),
		revocations: limited(1), retries: limited(third), acts: limited(third), sweeps: limited(1),
	}
	if alone {
		q.reads, q.shared, q.revocations = quota{database: others}, quota{database: others}, quota{database: others}
	}
	return q
}

// acquire waits until the kind may use another connection. release must follow
// unless it returns an error, which is that of ctx.
func (q quota) acquire(ctx context.Context) error {
	if q.slots == nil {
		return nil
	}
	select {
	case q.slots <- struct{}{}:
		return nil
	default:
	}

	start := time.Now()
	defer func() { q.waits.add(time.Since(start)) }()
	select {
	case q.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q quota) release() {
	if q.slots != nil {
		<-q.slots
	}
}

// size returns how many connections the kind may use at the same time.
func (q quota) size() int {
	if q.slots == nil {
		return int(q.pool.Config().MaxConns)
	}
	return cap(q.slots)
}

// send runs statements in one round trip and one transaction.
func (q quota) send(ctx context.Context, statements *queries) error {
	if err := q.acquire(ctx); err != nil {
		return err
	}
	defer q.release()
	return q.Send(ctx, statements)
}

// waits are the waits for quotas, in addition to the waits for the connections
// of a pool.
type waits struct{ number, nanoseconds atomic.Int64 }

func (w *waits) add(d time.Duration) {
	w.number.Add(1)
	w.nanoseconds.Add(int64(d))
}
