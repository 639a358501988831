package table

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

func (s *suite) resourceComparisons() []comparison {
	var w writeVolume
	written := func(figure *float64) measurement {
		return func(ctx context.Context) (float64, error) {
			err := s.measureWrites(ctx, &w)
			return *figure, err
		}
	}
	startTime := func(store, name string) measurement {
		return func(ctx context.Context) (float64, error) {
			d, err := s.bed.ColdStart(ctx, store, name)
			return d.Seconds(), err
		}
	}
	coldSQLite := "sqlite:" + filepath.Join(s.bed.Dir, "cold", "signet.db")

	return []comparison{
		{
			name: "a million refreshes of 1,000 grants: growth of the database",
			unit: "MB", bound: 5, atMost: true, once: true,
			measured: written(&w.growthMB),
		},
		{
			name: "WAL of a refresh, without full-page images",
			unit: "B", bound: 250, atMost: true, once: true,
			measured: written(&w.walBytes),
		},
		{name: "WAL of a refresh, with full-page images", unit: "B", once: true, measured: written(&w.fullWALBytes)},
		{name: "HOT share of updates", unit: "", bound: .99, once: true, measured: written(&w.hotShare)},
		{
			name: "resident memory at 64 concurrent", unit: "MiB", bound: 100, atMost: true,
			measured: func(ctx context.Context) (float64, error) {
				return maxResidentMemory(ctx, s.coalescing, s.refreshRate(s.coalescing, highConcurrency))
			},
		},
		{
			name: "resident memory at 2,000 concurrent, gRPC on 2,000 connections",
			unit: "MiB", bound: 256, atMost: true,
			measured: s.residentMemoryOfMany("refresh"),
		},
		{
			name: "resident memory at 2,000 concurrent, HTTP", unit: "MiB", bound: 256, atMost: true,
			measured: s.residentMemoryOfMany("http-refresh"),
		},
		{
			name: "start to ready, SQLite", unit: "s", bound: .3, atMost: true,
			measured: startTime(coldSQLite, "cold"),
		},
		{
			name: "start to ready, Postgres", unit: "s", bound: .5, atMost: true,
			measured: startTime(s.coalescing.StoreURL, "coalescing"),
		},
	}
}

// residentMemoryOfMany returns a measurement of the maximum of resident memory,
// in MiB, of a new issuer during 2,000 concurrent operations, each on its own
// connection.
func (s *suite) residentMemoryOfMany(operation string) measurement {
	const many = 2000
	return func(ctx context.Context) (float64, error) {
		i, err := s.bed.StartSecondIssuer(ctx, "many", s.coalescing)
		if err != nil {
			return 0, err
		}
		i.Connections = many
		// All operations begin at once, and on a busy machine none ends within
		// a second.
		load := workload{server: i.Server, operation: operation, concurrency: many, duration: 3 * time.Second}
		return maxResidentMemory(ctx, i, s.run(load))
	}
}

// maxResidentMemory returns the issuer's maximum of resident memory, in MiB,
// during a measurement. Child processes do not count: they only hash passwords,
// which a refresh does not need.
func maxResidentMemory(ctx context.Context, i *testbed.Issuer, during measurement) (float64, error) {
	ended := make(chan error, 1)
	go func() {
		_, err := during(ctx)
		ended <- err
	}()

	maximum := 0.0
	for {
		select {
		case err := <-ended:
			return maximum, err
		case <-time.After(50 * time.Millisecond):
		}
		current, err := residentMiB(i.PID)
		if err != nil {
			return 0, err
		}
		maximum = max(maximum, current)
	}
}

// residentMiB reads the resident memory of a process from proc_pid_status(5).
func residentMiB(pid int) (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS in its status", pid)
}
