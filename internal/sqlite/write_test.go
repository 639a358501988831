package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// together makes changes that wait at the same moment, while another write holds the file, and returns what became of each,
// and how many writes each transaction held.
func together(t *testing.T, o Options, changes ...*writing) (*Store, []error, []int) {
	t.Helper()
	var sizes []int
	o.Sent = func(n int) { sizes = append(sizes, n) }
	s, err := Open(t.Context(), newFile(t), o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context()))
	errs := make([]error, len(changes))
	synctest.Test(t, func(t *testing.T) {
		begun, end := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			must(t, s.write(t.Context(), func(context.Context, *sql.Tx) error {
				close(begun)
				<-end
				return nil
			}))
		})
		<-begun
		for i, change := range changes {
			all.Go(func() { errs[i] = s.make(t.Context(), change) })
		}
		synctest.Wait() // all changes wait for the first write
		close(end)
		all.Wait()
	})
	return s, errs, sizes
}

// insert makes the user of that name, or fails.
func insert(name string, err error) *writing {
	return newWriting(func(ctx context.Context, tx *sql.Tx) error {
		u := login.User{ID: name, Username: name, CreatedAt: then}
		_, failed := tx.ExecContext(ctx, `INSERT INTO users (`+userColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`, userFields(&u)...)
		return errors.Join(failed, err)
	})
}

func names(t *testing.T, s *Store) (names []string) {
	t.Helper()
	users, err := s.Users(t.Context(), "", 100)
	must(t, err)
	for _, u := range users {
		names = append(names, u.Username)
	}
	return names
}

func TestWritesShareATransaction(t *testing.T) {
	var changes []*writing
	for i := range 20 {
		changes = append(changes, insert(fmt.Sprint("user", i), nil))
	}
	s, errs, sizes := together(t, Options{}, changes...)
	must(t, errors.Join(errs...))
	if n := len(names(t, s)); n != 20 || !slices.Equal(sizes, []int{1, 20}) {
		t.Errorf("%d users by transactions of %v writes", n, sizes)
	}
	_, errs, sizes = together(t, Options{Alone: true}, insert("ann", nil), insert("bob", nil), insert("cyd", nil))
	must(t, errors.Join(errs...))
	if !slices.Equal(sizes, []int{1, 1, 1, 1}) {
		t.Errorf("transactions of %v writes, want one each", sizes)
	}
}

// TestFaultOfOneIsItsOwn: what fails undoes its own work, nothing of the others, and each hears of its own fault.
func TestFaultOfOneIsItsOwn(t *testing.T) {
	other := errors.New("other")
	s, errs, _ := together(t, Options{},
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
		t.Errorf("users %v, %d more failed: of the two that are called ann, one may", got, failed)
	}
}

// TestPanicOfOneIsAnAnswerToAll: nothing is written, everybody is told, and the writer goes on.
func TestPanicOfOneIsAnAnswerToAll(t *testing.T) {
	s, errs, _ := together(t, Options{}, insert("ann", nil),
		newWriting(func(context.Context, *sql.Tx) error { panic("words") }), insert("bob", nil))
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

// TestLostTransactionIsEverybodysError: where SQLite itself gives the transaction up, or a change fails that nothing would undo by
// itself, nobody is told that theirs was made.
func TestLostTransactionIsEverybodysError(t *testing.T) {
	bare := insert("cyd", errors.New("other"))
	bare.bare = true
	for name, last := range map[string]*writing{
		"given up": newWriting(func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT OR ROLLBACK INTO users (id) VALUES ('x')`)
			return err
		}),
		"bare": bare,
	} {
		s, errs, _ := together(t, Options{}, insert("ann", nil), last, insert("bob", nil))
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

// TestChangeThatHasBegunIsWaitedFor: when the caller's time is up in the midst of the change, the answer is what became of it.
func TestChangeThatHasBegunIsWaitedFor(t *testing.T) {
	path := newFile(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), path, Options{})
		must(t, err)
		ctx, giveUp := context.WithCancel(t.Context())
		made := false
		must(t, s.write(ctx, func(context.Context, *sql.Tx) error {
			giveUp()
			synctest.Wait() // the caller has noticed
			made = true
			return nil
		}))
		if !made {
			t.Error("the answer came before the change was made")
		}
		must(t, s.Close())
	})
}
