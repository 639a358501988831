package client_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

var setup = issuertest.GatewaySetup()

// A slowDirectory is a store that counts the reads of the clients' version. It
// does not answer while hung is set.
type slowDirectory struct {
	components.ServiceStore
	reads atomic.Int64
	hung  atomic.Bool
}

func (s *slowDirectory) DirectoryVersion(ctx context.Context) (int64, time.Time, error) {
	s.reads.Add(1)
	if s.hung.Load() {
		<-ctx.Done()
		return 0, time.Time{}, ctx.Err()
	}
	return s.ServiceStore.DirectoryVersion(ctx)
}

func newSlowFixture(t *testing.T) (*issuertest.Gateway, *slowDirectory) {
	t.Helper()
	s := &slowDirectory{}
	return issuertest.NewGateway(t, setup, func(o *components.Options) {
		s.ServiceStore = o.Store
		o.Store = s
	}), s
}

// A client that was registered after the last read of the clients is accepted.
func TestAuthenticate_ClientRegisteredAfterTheLastRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := issuertest.NewGateway(t, setup)
		for i := range 5 {
			if _, err := f.Registry.Authenticate(t.Context(), "unknown", "x"); !errors.Is(err, oauth.InvalidClient) {
				t.Errorf("an unknown client: %v", err)
			}
			id := "c" + strconv.Itoa(i)
			c, secret, err := f.Admin.CreateClient(t.Context(), issuertest.Operator, client.Client{ID: id}, "")
			must(t, err)
			_, err = f.Registry.Authenticate(t.Context(), c.ID, secret)
			must(t, err)
		}
	})
}

// However many credentials are invented, the registry reads the store at most
// ten times a second for them. Callers with known credentials do not wait.
func TestAuthenticate_InventedCredentialsShareReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store := newSlowFixture(t)
		before, start := store.reads.Load(), time.Now()
		var callers sync.WaitGroup
		for i := range 1000 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				_, err := f.Registry.Authenticate(t.Context(), "invented"+strconv.Itoa(i), "x")
				if !errors.Is(err, oauth.InvalidClient) {
					t.Errorf("invented credentials: %v", err)
				}
			})
			callers.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				began := time.Now()
				_, err := f.Registry.Authenticate(t.Context(), "gateway", f.Secrets["gateway"])
				if err != nil || time.Since(began) != 0 {
					t.Errorf("valid credentials: %v after %s", err, time.Since(began))
				}
			})
		}
		callers.Wait()
		if n, took := store.reads.Load()-before, time.Since(start); n < 10 || n > 12 {
			t.Errorf("%d reads in %s, want at most one in 100 ms", n, took)
		}
	})
}

// A caller with unknown credentials leaves when its deadline has passed, or
// when the next read cannot begin soon, although the store does not answer.
func TestAuthenticate_LeavesAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store := newSlowFixture(t)
		time.Sleep(time.Second) // the last read is not recent
		store.hung.Store(true)
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				_, err := f.Registry.Authenticate(ctx, "unknown", "x")
				took := time.Since(began)
				e := oauth.AsError(err)
				if e.Code != oauth.TemporarilyUnavailable || e.RetryAfter <= 0 || took > time.Second {
					t.Errorf("%v after %s", err, took)
				}
			})
		}
		callers.Wait()
		_, err := f.Registry.Authenticate(t.Context(), "gateway", f.Secrets["gateway"])
		must(t, err)
		time.Sleep(5 * time.Second) // the reads end
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
