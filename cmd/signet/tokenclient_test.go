package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/app"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// tokens returns a client of the TokenService at an address, with one
// connection.
func tokens(t *testing.T, address string) signetv1.TokenServiceClient {
	t.Helper()
	return signetv1.NewTokenServiceClient(dialGRPC(t, address))
}

// dialGRPC returns a connection to the gRPC API at an address.
func dialGRPC(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond,
			},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// asClient returns a context for a call that a client authenticates.
func asClient(t *testing.T, id, secret string) (context.Context, context.CancelFunc) {
	t.Helper()
	return asClientFor(t, 10*time.Second, id, secret)
}

// asClientFor is asClient with another timeout.
func asClientFor(t *testing.T, timeout time.Duration, id, secret string) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	return metadata.AppendToOutgoingContext(ctx, "authorization", basic), cancel
}

// A device holds one login and refreshes it as a client should: it stores an
// idempotency key beside the token, and sends both again until it gets an
// answer.
type device struct {
	t *testing.T
	// credentials are those of the client and of the user.
	credentials app.Demo
	tokens      signetv1.TokenServiceClient
	token       string
	key         string
}

// store stores a refresh token with a new idempotency key.
func (d *device) store(token string) { d.token, d.key = token, rand.Text() }

// login logs in. It tries again while the server is unavailable.
func (d *device) login() error {
	for {
		ctx, cancel := asClient(d.t, d.credentials.ClientID, d.credentials.ClientSecret)
		response, err := d.tokens.Login(ctx, &signetv1.LoginRequest{
			Username: d.credentials.Username, Password: d.credentials.Password,
		})
		cancel()
		if err == nil {
			d.store(response.GetRefreshToken())
			return nil
		}
		if !retryable(err) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}

// refresh refreshes once. It tries again while the server is unavailable.
func (d *device) refresh() error {
	for {
		_, err := d.refreshOnce()
		if err == nil || !retryable(err) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}

// refreshOnce sends one refresh request and stores the new token.
func (d *device) refreshOnce() (*signetv1.TokenResponse, error) {
	ctx, cancel := asClient(d.t, d.credentials.ClientID, d.credentials.ClientSecret)
	defer cancel()
	response, err := d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
	if err == nil {
		d.store(response.GetRefreshToken())
	}
	return response, err
}

// retryable reports whether a client may send a request again after an error:
// its login may still be valid.
func retryable(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	}
	return false
}
