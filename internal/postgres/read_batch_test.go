package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

// readTogether makes the reads concurrently. The first statements wait until
// all other reads wait too. It returns the sizes of the batches.
func readTogether(t *testing.T, url string, alone bool, reads []func(*Store)) (sizes []int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		othersWait := make(chan struct{})
		var mu sync.Mutex
		s := open(t, url, Options{NoBatching: alone, OnReadBatch: func(n int) {
			mu.Lock()
			sizes = append(sizes, n)
			mu.Unlock()
			<-othersWait
		}})
		var all sync.WaitGroup
		for _, read := range reads {
			all.Go(func() { read(s) })
		}
		synctest.Wait() // All other reads wait.
		close(othersWait)
		all.Wait()
	})
	return sizes
}

// TestReads_ShareStatements: concurrent reads share a statement, and each gets
// its own row or its own error.
func TestReads_ShareStatements(t *testing.T) {
	const n = 60
	url := pgtest.New(t)
	s := open(t, url, Options{})
	must(t, s.CreateUser(t.Context(), ann))
	for i := range byte(n) {
		must(t, createGrant(aGrant(i))(s))
	}
	exec(t, s, `UPDATE grants SET claims = '[]' WHERE id = $1`, [16]byte{7})

	for _, alone := range []bool{false, true} {
		var reads []func(*Store)
		for i := range byte(n + 10) {
			want := oauth.GrantID{i % (n + 5)} // some twice, and some that do not exist
			reads = append(reads, func(s *Store) {
				g, err := s.Grant(t.Context(), want)
				switch {
				case want[0] >= n:
					if !errors.Is(err, oauth.NotFound) {
						t.Errorf("grant %d does not exist: %v", want[0], err)
					}
				case want[0] == 7:
					rejects(t, err, "cannot unmarshal array")
				case err != nil || g.ID != want:
					t.Errorf("grant %d: got %d, %v", want[0], g.ID[0], err)
				}
			})
		}
		sizes := readTogether(t, url, alone, reads)
		want := append(slices.Repeat([]int{1}, maxUnsharedReads), n+10-maxUnsharedReads)
		if alone {
			want = slices.Repeat([]int{1}, len(reads))
		}
		if !slices.Equal(sizes, want) {
			t.Errorf("alone %v: statements of %v reads, want %v", alone, sizes, want)
		}
	}
}

// TestReads_RejectedKeyFailsAlone: a key that Postgres rejects does not fail
// the reads that share its statement.
func TestReads_RejectedKeyFailsAlone(t *testing.T) {
	url := pgtest.New(t)
	s := open(t, url, Options{})
	must(t, s.CreateUser(t.Context(), ann))
	var reads []func(*Store)
	for i := range 40 {
		reads = append(reads, func(s *Store) {
			if i%3 == 0 {
				_, err := s.UserByID(t.Context(), "usr_\x00")
				rejects(t, err, "SQLSTATE 22021")
				return
			}
			if u, err := s.UserByID(t.Context(), ann.ID); err != nil || u.ID != ann.ID {
				t.Errorf("user %q, %v", u.ID, err)
			}
		})
	}
	want := append(slices.Repeat([]int{1}, maxUnsharedReads), len(reads)-maxUnsharedReads)
	if sizes := readTogether(t, url, false, reads); !slices.Equal(sizes, want) {
		t.Errorf("statements of %v reads, want %v", sizes, want)
	}
}

// TestReads_CallerCanStopWaiting: a caller whose context ends does not wait for
// the statement, whether it shares it or not.
func TestReads_CallerCanStopWaiting(t *testing.T) {
	url := pgtest.New(t)
	s, holder := open(t, url, Options{}), begin(t, open(t, url, Options{MaxConns: 1}))
	_, err := holder.Exec(t.Context(), `LOCK TABLE grants IN ACCESS EXCLUSIVE MODE`)
	must(t, err)
	for _, concurrent := range []int{1, 20} {
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		for range concurrent {
			go func() { _, err := s.Grant(ctx, oauth.GrantID{1}); errs <- err }()
		}
		waitForBlocked(t, s)
		cancel()
		for i := range concurrent {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("read %d of %d: %v, want that of the context", i, concurrent, err)
			}
		}
	}
	must(t, holder.tx.Rollback(t.Context()))
	if _, err := s.Grant(t.Context(), oauth.GrantID{1}); !errors.Is(err, oauth.NotFound) {
		t.Error(fmt.Errorf("after the lock: %w", err))
	}
}
