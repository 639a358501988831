package rpctest

import (
	"context"
	"encoding/base64"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// timeout bounds the calls of a test.
const timeout = 20 * time.Second

// Context returns a context for a call without credentials.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

// WithAuthorization returns a context for a call with this authorization
// metadata.
func WithAuthorization(t testing.TB, values ...string) context.Context {
	return metadata.NewOutgoingContext(Context(t), metadata.MD{"authorization": values})
}

// Basic returns the authorization metadata of an id and a secret (RFC 7617).
func Basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// Basic returns the authorization metadata of a client.
func (f *Fixture) Basic(client string) string { return Basic(client, f.Secrets[client]) }

// As returns a context for a call of the client.
func (f *Fixture) As(t testing.TB, client string) context.Context {
	return WithAuthorization(t, f.Basic(client))
}

// AsAdmin returns a context for a call of the client ops with its own access
// token. The request id is req-1.
func (f *Fixture) AsAdmin(t testing.TB) context.Context {
	ctx := WithAuthorization(t, "Bearer "+f.AdminToken(t, nil))
	return metadata.AppendToOutgoingContext(ctx, "x-request-id", "req-1")
}

// AdminToken returns an access token of the client ops in its own name. The
// token is valid for the AdminService, except for what edit changes. edit may
// be nil.
func (f *Fixture) AdminToken(t testing.TB, edit func(*token.Access)) string {
	t.Helper()
	signer, err := f.Keys.Signer(keys.ES256)
	must(t, err)
	now := f.Registry.Now().Truncate(time.Second)
	a := token.Access{
		Issuer: Issuer, Subject: "ops", Audience: []string{Issuer}, ClientID: "ops",
		Scope:    oauth.NewScope(client.AdminScope),
		IssuedAt: now, ExpiresAt: now.Add(time.Minute), ID: revocation.NewTokenID(now),
	}
	if edit != nil {
		edit(&a)
	}
	text, err := token.SignAccess(signer, a)
	must(t, err)
	return text
}

// LogIn logs the user in through the client.
func (f *Fixture) LogIn(t testing.TB, client string) *signetv1.TokenResponse {
	t.Helper()
	r, err := f.TokenService.Login(f.As(t, client), &signetv1.LoginRequest{Username: Username, Password: Password})
	must(t, err)
	return r
}

// AdminLogIn logs the user in through the client, as an administrator.
func (f *Fixture) AdminLogIn(t testing.TB, id string) *signetv1.TokenResponse {
	t.Helper()
	r, err := f.TokenService.Login(f.As(t, id), &signetv1.LoginRequest{
		Username: Username, Password: Password, Audience: []string{Issuer}, Scope: client.AdminScope,
	})
	must(t, err)
	return r
}

// Refresh refreshes the token through the client.
func (f *Fixture) Refresh(t testing.TB, client, refreshToken string) (*signetv1.TokenResponse, error) {
	t.Helper()
	return f.TokenService.Refresh(f.As(t, client), &signetv1.RefreshRequest{RefreshToken: refreshToken})
}

// Mint mints tokens through the client.
func (f *Fixture) Mint(t testing.TB, client string, r *signetv1.MintRequest) *signetv1.MintResponse {
	t.Helper()
	response, err := f.TokenService.Mint(f.As(t, client), r)
	must(t, err)
	return response
}

// Poll polls the registry, as a server does four times a second.
func (f *Fixture) Poll(t testing.TB) {
	t.Helper()
	must(t, f.Registry.Poll(t.Context()))
}

// Reason returns the reason in the ErrorInfo of an error.
func Reason(err error) string { return Detail[*errdetails.ErrorInfo](status.Convert(err)).GetReason() }

// Detail returns the first detail of that type, or its zero value.
func Detail[T any](s *status.Status) (found T) {
	for _, d := range s.Details() {
		if d, ok := d.(T); ok {
			return d
		}
	}
	return found
}
