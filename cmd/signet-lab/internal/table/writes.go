package table

import (
	"context"
	"fmt"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

const (
	writesGrants       = 1000
	refreshesPerGrant  = 1000
	refreshesPerWorker = writesGrants * refreshesPerGrant / highConcurrency
)

// A writeVolume is what Postgres wrote for a million refreshes of 1,000 grants.
type writeVolume struct {
	complete     bool
	growthMB     float64 // growth of the database
	walBytes     float64 // write-ahead log per refresh
	fullWALBytes float64 // the same, with full-page images
	hotShare     float64 // share of heap-only tuple updates
}

// measureWrites measures all fields of w. If w is complete, it does nothing:
// the million refreshes are made once for all rows.
func (s *suite) measureWrites(ctx context.Context, w *writeVolume) error {
	if w.complete {
		return nil
	}
	c := s.coalescing.Connect(highConcurrency)
	defer c.Close()
	workers, err := c.RefreshWorkers(ctx, writesGrants, highConcurrency)
	if err != nil {
		return err
	}
	store := s.coalescing.StoreURL
	err = testbed.Exec(ctx, store,
		"CREATE EXTENSION IF NOT EXISTS pg_walinspect", "VACUUM ANALYZE", "CHECKPOINT", "SELECT pg_stat_reset()")
	if err != nil {
		return err
	}

	sizeBefore, from, err := databaseState(ctx, store)
	if err != nil {
		return err
	}
	if err := load.RunEach(ctx, load.Merge(workers, highConcurrency), refreshesPerWorker); err != nil {
		return err
	}
	sizeAfter, to, err := databaseState(ctx, store)
	if err != nil {
		return err
	}

	w.growthMB = (sizeAfter - sizeBefore) / 1e6
	const refreshes = refreshesPerWorker * highConcurrency
	const wal = `SELECT sum(%s)::float8 / $3 FROM pg_get_wal_stats($1::pg_lsn, $2::pg_lsn)`
	w.walBytes, err = testbed.QueryNumber(ctx, store, fmt.Sprintf(wal, "record_size"), from, to, refreshes)
	if err != nil {
		return err
	}
	w.fullWALBytes, err = testbed.QueryNumber(ctx, store, fmt.Sprintf(wal, "combined_size"), from, to, refreshes)
	if err != nil {
		return err
	}
	w.hotShare, err = testbed.QueryNumber(ctx, store,
		`SELECT n_tup_hot_upd::float8 / n_tup_upd FROM pg_stat_user_tables WHERE relname = 'grants'`)
	w.complete = err == nil
	return err
}

// databaseState returns the size of a database in bytes, and the end of the
// write-ahead log that is on disk.
func databaseState(ctx context.Context, database string) (size float64, lsn string, err error) {
	position, err := testbed.QueryNumber(ctx, database, `SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::float8`)
	if err != nil {
		return 0, "", err
	}
	lsn = fmt.Sprintf("%X/%X", uint64(position)>>32, uint64(position)&0xffffffff)
	size, err = testbed.QueryNumber(ctx, database, `SELECT pg_database_size(current_database())::float8`)
	return size, lsn, err
}
