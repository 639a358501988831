package operation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// operations are the functions that create a worker, by name of the operation.
var operations = map[string]func(*Connection, context.Context) (load.Worker, error){
	"login":            (*Connection).login,
	"refresh":          (*Connection).refresh,
	"mint":             (*Connection).mint,
	"introspect":       (*Connection).introspectAccess,
	"introspect-grant": (*Connection).introspectRefresh,
	"revoke":           (*Connection).revoke,
	"jwks":             (*Connection).jwks,
	"http-refresh":     (*Connection).httpRefresh,
	"http-credentials": (*Connection).httpCredentials,
}

// Names returns the names of all operations, sorted.
func Names() []string { return slices.Sorted(maps.Keys(operations)) }

// Worker creates a worker for the named operation. Some operations first create
// a grant for it. The workers use the gRPC connections in turn.
func (c *Connection) Worker(ctx context.Context, name string) (load.Worker, error) {
	create, ok := operations[name]
	if !ok {
		return nil, fmt.Errorf("unknown operation %q", name)
	}
	return create(c.next(), ctx)
}

// RefreshWorkers creates n grants and returns a worker for each that refreshes
// it. At most concurrency grants are created at the same time.
func (c *Connection) RefreshWorkers(ctx context.Context, n, concurrency int) ([]load.Worker, error) {
	workers := make([]load.Worker, n)
	creations, ctx := errgroup.WithContext(ctx)
	creations.SetLimit(concurrency)
	for i := range workers {
		creations.Go(func() (err error) {
			workers[i], err = c.refresh(ctx)
			return err
		})
	}
	return workers, creations.Wait()
}

// RefreshTokens creates n grants and returns their refresh tokens. At most
// concurrency grants are created at the same time.
func (c *Connection) RefreshTokens(ctx context.Context, n, concurrency int) ([]string, error) {
	tokens := make([]string, n)
	creations, ctx := errgroup.WithContext(ctx)
	creations.SetLimit(concurrency)
	for i := range tokens {
		creations.Go(func() error {
			g, err := c.createGrant(ctx)
			tokens[i] = g.GetRefreshToken()
			return err
		})
	}
	return tokens, creations.Wait()
}

func (c *Connection) login(context.Context) (load.Worker, error) {
	users := c.server.Usernames
	if len(users) == 0 {
		return nil, errNoUser
	}
	return func(ctx context.Context) (time.Duration, error) {
		name := users[c.logins.Add(1)%uint64(len(users))]
		return load.Time(func() error {
			_, err := c.TokenService.Login(ctx, &signetv1.LoginRequest{
				Username: name, Password: c.server.Password, Audience: c.audiences(),
			})
			return err
		})
	}, nil
}

// refresh creates a grant for the worker. The worker sends an idempotency key
// with each refresh token, as clients should.
func (c *Connection) refresh(ctx context.Context) (load.Worker, error) {
	g, err := c.createGrant(ctx)
	if err != nil {
		return nil, err
	}
	token, key := g.GetRefreshToken(), rand.Text()
	return func(ctx context.Context) (time.Duration, error) {
		return load.Time(func() error {
			request := &signetv1.RefreshRequest{RefreshToken: token, IdempotencyKey: key}
			response, err := c.TokenService.Refresh(ctx, request)
			if err == nil {
				token, key = response.GetRefreshToken(), rand.Text()
			}
			return err
		})
	}, nil
}

func (c *Connection) mint(context.Context) (load.Worker, error) {
	request := &signetv1.MintRequest{Audience: c.audiences()}
	return func(ctx context.Context) (time.Duration, error) {
		return load.Time(func() error {
			_, err := c.TokenService.Mint(ctx, request)
			return err
		})
	}, nil
}

// introspectAccess introspects an access token. The issuer verifies its
// signature and reads its grant.
func (c *Connection) introspectAccess(ctx context.Context) (load.Worker, error) {
	g, err := c.createGrant(ctx)
	if err != nil {
		return nil, err
	}
	return c.introspect(g.GetTokens()[0].GetAccessToken()), nil
}

// introspectRefresh introspects a refresh token. The issuer reads its grant.
func (c *Connection) introspectRefresh(ctx context.Context) (load.Worker, error) {
	g, err := c.createGrant(ctx)
	if err != nil {
		return nil, err
	}
	return c.introspect(g.GetRefreshToken()), nil
}

// introspect returns a worker that introspects a token, which must be active.
func (c *Connection) introspect(token string) load.Worker {
	request := &signetv1.IntrospectRequest{Token: token}
	return func(ctx context.Context) (time.Duration, error) {
		return load.Time(func() error {
			response, err := c.TokenService.Introspect(ctx, request)
			if err == nil && !response.GetActive() {
				err = errInactive
			}
			return err
		})
	}
}

var errNoUser = errors.New("login needs a user name")

var errInactive = errors.New("token is not active")

// revoke creates a grant for each operation and measures only its revocation.
func (c *Connection) revoke(context.Context) (load.Worker, error) {
	return func(ctx context.Context) (time.Duration, error) {
		g, err := c.createGrant(ctx)
		if err != nil {
			return 0, err
		}
		return load.Time(func() error {
			_, err := c.TokenService.Revoke(ctx, &signetv1.RevokeRequest{Token: g.GetRefreshToken()})
			return err
		})
	}, nil
}
