package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// aStore counts writes. A write takes its delay and returns its error.
type aStore struct {
	mu     sync.Mutex
	writes int
	delay  time.Duration
	err    error
}

func (s *aStore) set(delay time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay, s.err = delay, err
}

func (s *aStore) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func (s *aStore) write(context.Context) error {
	s.mu.Lock()
	s.writes++
	delay, err := s.delay, s.err
	s.mu.Unlock()
	time.Sleep(delay)
	return err
}

func newWriteCheck() (*aStore, *writeCheck) {
	s := &aStore{}
	return s, &writeCheck{write: s.write, log: slog.New(slog.DiscardHandler)}
}

// However many probes ask, there is about one write in a second, and none if
// nobody asks.
func TestWriteCheck_SharesWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newWriteCheck()
		time.Sleep(time.Hour)
		if n := s.count(); n != 0 {
			t.Errorf("%d writes without a probe", n)
		}
		var probes sync.WaitGroup
		for range 20 {
			probes.Go(func() {
				for range 100 {
					if err := c.Err(); err != nil {
						t.Error(err)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		probes.Wait()
		if n := s.count(); n < 9 || n > 10 {
			t.Errorf("%d writes in 10 seconds", n)
		}
	})
}

// A store that refuses writes is not ready within the time that a committed
// write counts, and ready again with the next write.
func TestWriteCheck_FollowsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newWriteCheck()
		full := errors.New("the disk is full")
		s.set(0, full)
		if err := c.Err(); !errors.Is(err, full) {
			t.Errorf("the first write fails: %v", err)
		}
		s.set(0, nil)
		time.Sleep(writeCheckPause)
		if err := c.Err(); err != nil {
			t.Errorf("the second write succeeds: %v", err)
		}

		s.set(0, full)
		time.Sleep(writeCheckPause)
		if err := c.Err(); err != nil {
			t.Errorf("the last committed write is a second old: %v", err)
		}
		time.Sleep(writeCheckAge)
		if err := c.Err(); !errors.Is(err, full) {
			t.Errorf("the last committed write is old: %v", err)
		}
	})
}

// A store that does not answer is not ready. Probes wait half a second for it
// together, not each: probes need no credentials, and would fill the server.
// There is never a second write beside it.
func TestWriteCheck_StoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newWriteCheck()
		s.set(time.Hour, nil)
		for n := range 10 {
			start, want := time.Now(), time.Duration(0)
			if n == 0 {
				want = writeCheckWait
			}
			if err := c.Err(); !errors.Is(err, errSlowWrite) || time.Since(start) != want {
				t.Errorf("probe %d: error %v after %s, want it after %s", n, err, time.Since(start), want)
			}
			time.Sleep(time.Minute)
		}
		if n := s.count(); n != 1 {
			t.Errorf("%d writes", n)
		}
		time.Sleep(time.Hour)
		s.set(0, nil)
		if err := c.Err(); err != nil {
			t.Errorf("the store answers again: %v", err)
		}
	})
}
