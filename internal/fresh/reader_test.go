package fresh_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/fresh"
)

// A caller gets the result of a read that began after it came, never of one
// that was in progress.
func TestRead_BeginsAfterTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		r := fresh.NewReader(fresh.NewLock(), func(context.Context) error {
			n := reads.Add(1)
			time.Sleep(30 * time.Millisecond)
			if n == 1 {
				return errors.New("the first read")
			}
			return nil
		})
		var callers sync.WaitGroup
		for i := range 50 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				began := time.Now()
				err := r.Read(t.Context())
				if first := i == 0; first != (err != nil) {
					t.Errorf("caller %d: %v", i, err)
				}
				if took := time.Since(began); took < 30*time.Millisecond {
					t.Errorf("caller %d: a read of 30 ms took %s", i, took)
				}
			})
		}
		callers.Wait()
		if n := reads.Load(); n != 2 {
			t.Errorf("%d reads, want 2", n)
		}
	})
}

func TestRead_AtMostTenASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		r := fresh.NewReader(fresh.NewLock(), func(context.Context) error {
			reads.Add(1)
			return nil
		})
		var callers sync.WaitGroup
		for i := range 10_000 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if err := r.Read(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if n := reads.Load(); n != 101 {
			t.Errorf("%d reads in 10 s, want one at once and ten a second", n)
		}
	})
}

// A caller leaves a read that does not end when its context ends. A caller
// whose read cannot begin gets ErrBusy.
func TestRead_CallersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		lock := fresh.NewLock()
		r := fresh.NewReader(lock, func(context.Context) error {
			<-end
			return nil
		})
		limited := func(d time.Duration) error {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			began := time.Now()
			err := r.Read(ctx)
			if took := time.Since(began); took > d {
				t.Errorf("a caller with a deadline of %s waited %s", d, took)
			}
			return err
		}

		if err := limited(time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in a read that does not end: %v", err)
		}
		began := time.Now()
		if err := limited(time.Minute); !errors.Is(err, fresh.ErrBusy) || time.Since(began) != time.Second {
			t.Errorf("after a read that does not end: %v in %s", err, time.Since(began))
		}
		close(end)
		if err := limited(time.Second); err != nil {
			t.Errorf("after the read has ended: %v", err)
		}

		began = time.Now()
		if err := limited(50 * time.Millisecond); !errors.Is(err, fresh.ErrBusy) || time.Since(began) != 0 {
			t.Errorf("with a deadline before the next read: %v in %s", err, time.Since(began))
		}

		time.Sleep(time.Second)
		if err := lock.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := limited(time.Minute); !errors.Is(err, fresh.ErrBusy) {
			t.Errorf("while another holds the lock: %v", err)
		}
		lock.Release()
		if err := r.Read(t.Context()); err != nil {
			t.Errorf("after the lock was released: %v", err)
		}
	})
}
