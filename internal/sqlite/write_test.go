package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// writeTogether runs requests that all wait while another write holds the file.
// It returns the error of each, and how many writes each transaction had.
func writeTogether(t *testing.T, o Options, requests ...*writeRequest) (*Store, []error, []int) {
	t.Helper()
	var sizes []int
	o.OnWriteBatch = func(n int) { sizes = append(sizes, n) }
	s, err := Open(t.Context(), newFile(t), o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context()))

	errs := make([]error, len(requests))
	synctest.Test(t, func(t *testing.T) {
		started, end := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			must(t, s.write(t.Context(), func(context.Context, transaction) error {
				close(started)
				<-end
				return nil
			}))
		})
		<-started
		for i, r := range requests {
			all.Go(func() { errs[i] = s.submit(t.Context(), r) })
		}
		synctest.Wait() // All requests wait for the first write.
		close(end)
		all.Wait()
	})
	return s, errs, sizes
}

// insert returns a request that inserts the user of that name and then fails
// with err, if err is not nil.
func insert(name string, err error) *writeRequest {
	return newWriteRequest(func(ctx context.Context, tx transaction) error {
		u := login.User{ID: name, Username: name, CreatedAt: then}
		_, failed := tx.Exec(ctx, `INSERT INTO users (`+userColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`, userFields(&u)...)
		return errors.Join(failed, err)
	})
}

// names returns the names of all users.
func names(t *testing.T, s *Store) (names []string) {
	t.Helper()
	users, err := s.Users(t.Context(), "", 100)
	must(t, err)
	for _, u := range users {
		names = append(names, u.Username)
	}
	return names
}

func TestWrite_ConcurrentWritesShareATransaction(t *testing.T) {
	var requests []*writeRequest
	for i := range 20 {
		requests = append(requests, insert(fmt.Sprint("user", i), nil))
	}
	s, errs, sizes := writeTogether(t, Options{}, requests...)
	must(t, errors.Join(errs...))
	if n := len(names(t, s)); n != 20 || !slices.Equal(sizes, []int{1, 20}) {
		t.Errorf("%d users by transactions of %v writes", n, sizes)
	}

	inserts := []*writeRequest{insert("ann", nil), insert("bob", nil), insert("cyd", nil)}
	_, errs, sizes = writeTogether(t, Options{NoBatching: true}, inserts...)
	must(t, errors.Join(errs...))
	if !slices.Equal(sizes, []int{1, 1, 1, 1}) {
		t.Errorf("transactions of %v writes, want one each", sizes)
	}
}

// TestWrite_FailedChangeFailsAlone: a change that fails rolls back its own work
// and nothing of the others. Each caller gets its own error.
func TestWrite_FailedChangeFailsAlone(t *testing.T) {
	other := errors.New("other")
	s, errs, _ := writeTogether(t, Options{},
		insert("ann", nil), insert("bob", oauth.NotFound), insert("ann", nil), insert("cyd", other), insert("dee", nil))
	failed := 0
	for i, err := range errs {
		switch i {
		case 1:
			if !errors.Is(err, oauth.NotFound) {
				t.Errorf("error %v, want not_found", err)
			}
		case 3:
			if !errors.Is(err, other) {
				t.Errorf("error %v, want the other", err)
			}
		default:
			if err != nil {
				failed++
			}
		}
	}
	if got := names(t, s); !slices.Equal(got, []string{"ann", "dee"}) || failed != 1 {
		t.Errorf("users %v, %d more failed: one of the two writes of ann may fail", got, failed)
	}
}

// TestWrite_PanicFailsTheTransaction: nothing is written, every caller gets an
// error, and the writer continues.
func TestWrite_PanicFailsTheTransaction(t *testing.T) {
	s, errs, _ := writeTogether(t, Options{}, insert("ann", nil),
		newWriteRequest(func(context.Context, transaction) error { panic("words") }), insert("bob", nil))
	for _, err := range errs {
		if !errors.Is(err, batch.ErrPanicked) {
			t.Errorf("error %v", err)
		}
	}
	must(t, s.CreateUser(t.Context(), ann))
	if got := names(t, s); !slices.Equal(got, []string{"ann"}) {
		t.Errorf("users %v", got)
	}
}

// TestWrite_LostTransactionFailsAllChanges: if SQLite rolls the transaction
// back itself, or a change without a savepoint fails, no write is acknowledged.
func TestWrite_LostTransactionFailsAllChanges(t *testing.T) {
	noSavepoint := insert("cyd", errors.New("other"))
	noSavepoint.noSavepoint = true
	for name, last := range map[string]*writeRequest{
		"rolled back": newWriteRequest(func(ctx context.Context, tx transaction) error {
			_, err := tx.Exec(ctx, `INSERT OR ROLLBACK INTO users (id) VALUES ('x')`)
			return err
		}),
		"no savepoint": noSavepoint,
	} {
		s, errs, _ := writeTogether(t, Options{}, insert("ann", nil), last, insert("bob", nil))
		if got := names(t, s); len(got) > 0 {
			t.Errorf("%s: users %v", name, got)
		}
		for i, err := range errs {
			if err == nil {
				t.Errorf("%s: write %d was acknowledged", name, i)
			}
		}
		must(t, s.CreateUser(t.Context(), ann))
	}
}

// TestWrite_StartedChangeIsAwaited: if the context ends while the change runs,
// the caller gets the result of the change.
func TestWrite_StartedChangeIsAwaited(t *testing.T) {
	path := newFile(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), path, Options{})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		made := false
		must(t, s.write(ctx, func(context.Context, transaction) error {
			cancel()
			synctest.Wait() // The caller has noticed that its context ended.
			made = true
			return nil
		}))
		if !made {
			t.Error("write returned before the change was made")
		}
		must(t, s.Close())
	})
}

// TestWrite_ContextEndsTheWait: if the context ends before the change starts,
// write returns and the change never runs.
func TestWrite_ContextEndsTheWait(t *testing.T) {
	s := open(t, newFile(t))
	started, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.write(context.Background(), func(context.Context, transaction) error {
			close(started)
			<-end
			return nil
		})
	}()
	<-started // The other write has the file.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.CreateUser(ctx, ann); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	close(end)
	must(t, <-ended)
	must(t, s.CreateUser(t.Context(), ann))
}

// TestWrite_OtherProcessGetsTheLock: two stores on one file exclude each other
// like two processes. One writes without a pause, and each write is long. The
// other store still gets to write.
func TestWrite_OtherProcessGetsTheLock(t *testing.T) {
	path := newFile(t)
	busy, other := open(t, path), open(t, path)
	must(t, busy.CreateUser(t.Context(), ann))
	var done atomic.Bool
	writes, ended := make(chan struct{}), make(chan error, 4)
	for range cap(ended) {
		go func() {
			var err error
			for err == nil && !done.Load() {
				err = busy.write(context.Background(), writeFor(10*time.Millisecond))
				select {
				case writes <- struct{}{}:
				default:
				}
			}
			ended <- err
		}()
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for i := range 12 {
		for range 3 {
			<-writes // The busy store continues to write.
		}
		u := login.User{ID: fmt.Sprint(i), Username: fmt.Sprint(i), CreatedAt: then}
		if err := other.CreateUser(ctx, u); err != nil {
			t.Errorf("write %d beside a busy process: %v", i, err)
			break
		}
	}
	done.Store(true)
	for range cap(ended) {
		must(t, <-ended)
	}
}

// writeFor returns a change that takes at least d.
func writeFor(d time.Duration) func(context.Context, transaction) error {
	return func(_ context.Context, tx transaction) error {
		for start := time.Now(); time.Since(start) < d; {
			if _, err := tx.Exec(context.Background(), `UPDATE users SET claims = 'null'`); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestWrite_NextWriteWorksAfterAnError: an error in a transaction does not
// affect the next one.
func TestWrite_NextWriteWorksAfterAnError(t *testing.T) {
	s := open(t, newFile(t))
	must(t, s.CreateUser(t.Context(), ann))
	g := grant.Grant{ID: oauth.GrantID{1}, UserID: ann.ID, RotatedAt: then, ExpiresAt: then, CreatedAt: then}
	must(t, mint(t.Context(), s, g))
	for range 3 {
		if err := mint(t.Context(), s, g); err == nil || errors.Is(err, oauth.AlreadyExists) {
			t.Errorf("error %v, want one that is no oauth.Code", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := s.UpdateClient(ctx, "missing", func(*client.Client) error { return nil })
		if !errors.Is(err, oauth.NotFound) {
			t.Errorf("error %v, want not_found", err)
		}
		cancel()
		must(t, disable(t.Context(), s, "ann"))
		must(t, s.EnableUser(t.Context(), "ann"))
	}
}
