package rpc_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuertest"
	hashing "github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A slowStore creates a grant only after proceed is closed.
type slowStore struct {
	components.ServiceStore
	creating, proceed chan struct{}
}

func (s *slowStore) CreateGrant(
	ctx context.Context, g grant.Grant, epoch int64, limit int,
) (grant.Created, error) {
	s.creating <- struct{}{}
	<-s.proceed
	return s.ServiceStore.CreateGrant(ctx, g, epoch, limit)
}

// A login whose password is verified has its place in the queue for hashing
// until it is answered. While the store is slow, the server refuses new logins
// instead of collecting them.
func TestLogin_HasItsPlaceUntilItIsAnswered(t *testing.T) {
	store := &slowStore{creating: make(chan struct{}), proceed: make(chan struct{})}
	f := rpctest.New(t, rpctest.Options{Components: func(o *components.Options) {
		var err error
		o.Passwords, err = hashing.New(hashing.Options{ // with one place
			Params: issuertest.InexpensiveParams, MinParams: issuertest.InexpensiveParams, MemoryBudget: 64 << 10,
		})
		must(t, err)
		t.Cleanup(o.Passwords.Close)
		store.ServiceStore, o.Store = o.Store, store
	}})
	ctx := f.As(t, "web")
	login := func() error {
		_, err := f.TokenService.Login(ctx, &signetv1.LoginRequest{Username: username, Password: password})
		return err
	}

	first := make(chan error)
	go func() { first <- login() }()
	<-store.creating
	second := make(chan error)
	go func() { second <- login() }()
	select {
	case <-store.creating:
		t.Error("a second login reached the store")
		close(store.proceed)
		<-second
	case err := <-second:
		if status.Code(err) != codes.ResourceExhausted || reason(err) != "SLOW_DOWN" {
			t.Errorf("a login without a place: %v", err)
		}
		close(store.proceed)
	}
	if err := <-first; err != nil {
		t.Errorf("the login with the place: %v", err)
	}
}
