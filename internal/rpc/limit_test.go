package rpc_test

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A slowListStore lists the grants of the client web only after proceed is
// closed.
type slowListStore struct {
	components.ServiceStore
	proceed chan struct{}
}

func (s *slowListStore) Grants(ctx context.Context, f grant.Filter) (grant.Page, error) {
	if f.ClientID == "web" {
		select {
		case <-s.proceed:
		case <-ctx.Done():
			return grant.Page{}, ctx.Err()
		}
	}
	return s.ServiceStore.Grants(ctx, f)
}

// While a client makes 100 lists at once, its other calls and the lists of
// other clients succeed. The server soon refuses the lists that are too many.
func TestListGrants_IsLimitedByClient(t *testing.T) {
	t.Parallel() // it mostly waits
	store := &slowListStore{proceed: make(chan struct{})}
	f := rpctest.New(t, rpctest.Options{Components: func(o *components.Options) {
		store.ServiceStore, o.Store = o.Store, store
	}})
	token := f.LogIn(t, "web").GetRefreshToken()
	request := &signetv1.ListGrantsRequest{Subject: "usr_nobody"}
	list := func(client string) error {
		_, err := f.GrantService.ListGrants(f.As(t, client), request)
		return err
	}

	const lists, atOnce = 100, 4
	answers := make(chan error, lists)
	var all sync.WaitGroup
	for range lists {
		all.Go(func() { answers <- list("web") })
	}
	for range lists - atOnce {
		err := <-answers
		if reason(err) != "SLOW_DOWN" || !hasRetryInfo(err) {
			t.Fatalf("a list beyond the limit: %v, want SLOW_DOWN with RetryInfo", err)
		}
	}
	for range 75 {
		refreshed, err := f.Refresh(t, "web", token)
		must(t, err)
		token = refreshed.GetRefreshToken()
	}
	must(t, list("other"))

	close(store.proceed)
	for range atOnce {
		must(t, <-answers)
	}
	all.Wait()
	must(t, list("web"))
}

func hasRetryInfo(err error) bool {
	for _, detail := range status.Convert(err).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok && retry.GetRetryDelay().AsDuration() > 0 {
			return true
		}
	}
	return false
}
