package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// The million: so many grants, refreshed so many times each.
const (
	millionGrants    = 1000
	millionRefreshes = 1000
)

// million is what a million refreshes leave behind. They are made once for all rows that ask.
type million struct {
	done            bool
	growth          float64 // of the database, MB
	wal, walAndFull float64 // bytes for each refresh
	hot             float64 // share of updates
}

func (h *hall) sizes() []contest {
	var m million
	of := func(figure *float64) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			err := h.million(ctx, &m)
			return *figure, err
		}
	}
	start := func(store, dir string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			took, err := h.coldStart(ctx, store, dir)
			return took.Seconds(), err
		}
	}
	return []contest{
		{name: "a million refreshes of 1,000 grants: growth of the database", unit: "MB", bound: 5, atMost: true, once: true, ours: of(&m.growth)},
		{name: "WAL of a refresh, without full-page images", unit: "B", bound: 250, atMost: true, once: true, ours: of(&m.wal)},
		{name: "WAL of a refresh, with them", unit: "B", once: true, ours: of(&m.walAndFull)},
		{name: "HOT share of updates", unit: "", bound: .99, once: true, ours: of(&m.hot)},
		{name: "resident memory at 64 in flight", unit: "MiB", bound: 100, atMost: true, ours: h.resident},
		{name: "start to ready, SQLite", unit: "s", bound: .3, atMost: true, ours: start("sqlite:"+filepath.Join(h.dir, "cold", "signet.db"), "cold")},
		{name: "start to ready, Postgres", unit: "s", bound: .5, atMost: true, ours: start(h.shared.store, "shared")},
	}
}

// resident is the most that the issuer had in memory while 64 refreshes were in flight.
func (h *hall) resident(ctx context.Context) (float64, error) {
	ended := make(chan error, 1)
	go func() {
		_, err := h.refresh(h.shared, crowd)(ctx)
		ended <- err
	}()
	most := 0.0
	for {
		select {
		case err := <-ended:
			return most, err
		case <-time.After(50 * time.Millisecond):
		}
		now, err := residentMiB(h.shared.pid) // of the server alone: for a refresh no password is hashed
		if err != nil {
			return 0, err
		}
		most = max(most, now)
	}
}

// residentMiB reads proc_pid_status(5).
func residentMiB(pid int) (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no resident memory", pid)
}

// million refreshes, and counts what Postgres wrote for it.
func (h *hall) million(ctx context.Context, m *million) error {
	if m.done {
		return nil
	}
	at := h.shared.target
	at.open(crowd)
	defer at.close()
	all, err := at.grants(ctx, millionGrants)
	if err != nil {
		return err
	}
	store := h.shared.store
	if err := h.sql(ctx, store, "CREATE EXTENSION IF NOT EXISTS pg_walinspect", "VACUUM ANALYZE", "CHECKPOINT", "SELECT pg_stat_reset()"); err != nil {
		return err
	}
	size, from, err := h.mark(ctx)
	if err != nil {
		return err
	}
	if err := exhaust(ctx, inTurn(all, crowd), millionGrants*millionRefreshes/crowd); err != nil {
		return err
	}
	after, to, err := h.mark(ctx)
	if err != nil {
		return err
	}
	m.growth = (after - size) / 1e6
	const n = millionGrants * millionRefreshes / crowd * crowd
	const wal = `SELECT sum(%s)::float8 / $3 FROM pg_get_wal_stats($1::pg_lsn, $2::pg_lsn)`
	if m.wal, err = h.number(ctx, store, fmt.Sprintf(wal, "record_size"), from, to, n); err != nil {
		return err
	}
	if m.walAndFull, err = h.number(ctx, store, fmt.Sprintf(wal, "combined_size"), from, to, n); err != nil {
		return err
	}
	m.hot, err = h.number(ctx, store, `SELECT n_tup_hot_upd::float8 / n_tup_upd FROM pg_stat_user_tables WHERE relname = 'grants'`)
	m.done = err == nil
	return err
}

// mark returns how large the database is and how far its log has come.
func (h *hall) mark(ctx context.Context) (size float64, lsn string, err error) {
	at, err := h.number(ctx, h.shared.store, `SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::float8`)
	if err != nil {
		return 0, "", err
	}
	lsn = fmt.Sprintf("%X/%X", uint64(at)>>32, uint64(at)&0xffffffff)
	size, err = h.number(ctx, h.shared.store, `SELECT pg_database_size(current_database())::float8`)
	return size, lsn, err
}

// exhaust lets each worker do so many operations.
func exhaust(ctx context.Context, workers []worker, each int) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, w := range workers {
		all.Go(func() error {
			for range each {
				if _, err := w(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all.Wait()
}

// coldStart returns how long it takes an issuer from its start until it says that it is ready.
func (s *stage) coldStart(ctx context.Context, store, dir string) (time.Duration, error) {
	const ops = "127.0.0.1:18081"
	c := exec.CommandContext(ctx, s.program, "serve")
	c.Env = s.environment(filepath.Join(s.dir, dir), store, "SIGNET_OPS_ADDRESS="+ops)
	began := time.Now()
	if err := c.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	}()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		if response, err := get(ctx, "http://"+ops+"/readyz"); err == nil {
			_ = response.Body.Close()
			return time.Since(began), nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("the issuer did not become ready: %w", ctx.Err())
		}
	}
}
