package rpc_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/app/components"
	hashing "github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestChangePassword(t *testing.T) {
	f := newFixture(t)
	mine, other := f.LogIn(t, "web"), f.LogIn(t, "other")
	const next, weak = "six purple umbrellas sing", "passwordpassword"
	address := &signetv1.EndUser{Ip: "x"}
	type change = signetv1.ChangePasswordRequest
	for name, c := range map[string]struct {
		client string
		edit   func(*change)
		code   codes.Code
		reason string
	}{
		"public client":    {"spa", func(*change) {}, codes.PermissionDenied, "UNAUTHORIZED_CLIENT"},
		"no user name":     {"web", func(r *change) { r.Username = "" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"no old password":  {"web", func(r *change) { r.OldPassword = "" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"no new password":  {"web", func(r *change) { r.NewPassword = "" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"weak password":    {"web", func(r *change) { r.NewPassword = weak }, codes.InvalidArgument, "INVALID_REQUEST"},
		"invalid grant id": {"web", func(r *change) { r.KeepGrantId = "x" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"invalid address":  {"web", func(r *change) { r.EndUser = address }, codes.InvalidArgument, "INVALID_REQUEST"},
		"invalid password": {"web", func(r *change) { r.OldPassword += "x" }, codes.Unauthenticated, "INVALID_GRANT"},
		"unknown user":     {"web", func(r *change) { r.Username = "nobody" }, codes.Unauthenticated, "INVALID_GRANT"},
	} {
		r := &change{Username: username, OldPassword: password, NewPassword: next}
		c.edit(r)
		before, hashes := f.Passwords.Stats().Hashes, uint64(0)
		if c.reason == "INVALID_GRANT" {
			hashes = 1
		}
		_, err := f.TokenService.ChangePassword(f.As(t, c.client), r)
		if status.Code(err) != c.code || reason(err) != c.reason {
			t.Errorf("%s: %v (%s)", name, err, reason(err))
		}
		if n := f.Passwords.Stats().Hashes - before; n != hashes {
			t.Errorf("%s: %d hashes, want %d", name, n, hashes)
		}
	}
	_, err := f.TokenService.ChangePassword(f.As(t, "web"), &signetv1.ChangePasswordRequest{
		Username: username, OldPassword: password, NewPassword: next, KeepGrantId: mine.GetGrantId(),
		DeviceToken: mine.GetDeviceToken(),
	})
	must(t, err)
	_, err = f.Refresh(t, "web", mine.GetRefreshToken())
	must(t, err)
	if _, err = f.Refresh(t, "other", other.GetRefreshToken()); reason(err) != "INVALID_GRANT" {
		t.Errorf("the other grant: %v", err)
	}
	_, err = f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{Username: username, Password: next})
	must(t, err)
}

// Rule 58: A server whose hash budget is exhausted answers slow_down with a
// retry delay, before the deadline of the call. Before its first hash, the
// server expects a hash to take longer than 30 ms. Under load, a call may get
// no answer within 45 ms; the test then repeats it.
func TestRule58_BusyServerReturnsRetryDelay(t *testing.T) {
	f := rpctest.New(t, rpctest.Options{Components: func(o *components.Options) { o.Passwords = productionHasher(t) }})
	var err error
	for range 20 {
		ctx, cancel := context.WithTimeout(f.As(t, "web"), 45*time.Millisecond)
		_, err = f.TokenService.Login(ctx, &signetv1.LoginRequest{Username: username, Password: password})
		cancel()
		if status.Code(err) != codes.DeadlineExceeded {
			break
		}
	}
	delay := rpctest.Detail[*errdetails.RetryInfo](status.Convert(err)).GetRetryDelay().AsDuration()
	if status.Code(err) != codes.ResourceExhausted || reason(err) != "SLOW_DOWN" || delay < time.Second {
		t.Errorf("%v (%s), retry after %v", err, reason(err), delay)
	}
}

// productionHasher returns a hasher with the parameters of production.
func productionHasher(t *testing.T) *hashing.Hasher {
	t.Helper()
	h, err := hashing.New(hashing.Options{Params: hashing.MinParams()})
	must(t, err)
	t.Cleanup(h.Close)
	return h
}
