package rpc

import (
	"context"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestChangePasswordOverTheWire(t *testing.T) {
	h := openHouse(t)
	mine, other := h.login(t, "web"), h.login(t, "other")
	const next = "six purple umbrellas sing"
	for name, c := range map[string]struct {
		client string
		edit   func(*signetv1.ChangePasswordRequest)
		code   codes.Code
		reason string
	}{
		"a public client":   {"spa", func(*signetv1.ChangePasswordRequest) {}, codes.PermissionDenied, "UNAUTHORIZED_CLIENT"},
		"no user name":      {"web", func(r *signetv1.ChangePasswordRequest) { r.Username = "" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"no old password":   {"web", func(r *signetv1.ChangePasswordRequest) { r.OldPassword = "" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"no new password":   {"web", func(r *signetv1.ChangePasswordRequest) { r.NewPassword = "" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"a weak one":        {"web", func(r *signetv1.ChangePasswordRequest) { r.NewPassword = "passwordpassword" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"no grant's id":     {"web", func(r *signetv1.ChangePasswordRequest) { r.KeepGrantId = "x" }, codes.InvalidArgument, "INVALID_REQUEST"},
		"a wrong address":   {"web", func(r *signetv1.ChangePasswordRequest) { r.EndUser = &signetv1.EndUser{Ip: "x"} }, codes.InvalidArgument, "INVALID_REQUEST"},
		"the wrong old one": {"web", func(r *signetv1.ChangePasswordRequest) { r.OldPassword += "x" }, codes.Unauthenticated, "INVALID_GRANT"},
		"an unknown user":   {"web", func(r *signetv1.ChangePasswordRequest) { r.Username = "nobody" }, codes.Unauthenticated, "INVALID_GRANT"},
	} {
		r := &signetv1.ChangePasswordRequest{Username: username, OldPassword: secret, NewPassword: next}
		c.edit(r)
		if _, err := h.tokens.ChangePassword(h.as(t, c.client), r); status.Code(err) != c.code || reason(err) != c.reason {
			t.Errorf("%s: %v (%s)", name, err, reason(err))
		}
	}
	_, err := h.tokens.ChangePassword(h.as(t, "web"), &signetv1.ChangePasswordRequest{
		Username: username, OldPassword: secret, NewPassword: next, KeepGrantId: mine.GetGrantId(), DeviceToken: mine.GetDeviceToken(),
	})
	must(t, err)
	_, err = h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: mine.GetRefreshToken()})
	must(t, err)
	if _, err = h.tokens.Refresh(h.as(t, "other"), &signetv1.RefreshRequest{RefreshToken: other.GetRefreshToken()}); reason(err) != "INVALID_GRANT" {
		t.Errorf("the other grant: %v", err)
	}
	_, err = h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{Username: username, Password: next})
	must(t, err)
}

// TestRule58_ABusyServerSaysWhenToComeBack, while its caller still listens. By what is known before the first hash it takes
// longer than 30 ms; a call that is not heard for 45 ms is made again.
func TestRule58_ABusyServerSaysWhenToComeBack(t *testing.T) {
	atRealCost(t)
	h := openHouse(t)
	var err error
	for range 20 {
		ctx, cancel := context.WithTimeout(h.as(t, "web"), 45*time.Millisecond)
		_, err = h.tokens.Login(ctx, &signetv1.LoginRequest{Username: username, Password: secret})
		cancel()
		if status.Code(err) != codes.DeadlineExceeded {
			break
		}
	}
	delay := detail[*errdetails.RetryInfo](status.Convert(err)).GetRetryDelay().AsDuration()
	if status.Code(err) != codes.ResourceExhausted || reason(err) != "SLOW_DOWN" || delay < time.Second {
		t.Errorf("%v (%s), retry after %v", err, reason(err), delay)
	}
}
