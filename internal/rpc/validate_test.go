package rpc_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestMalformedRequests(t *testing.T) {
	f := newFixture(t)
	web := f.As(t, "web")
	calls := map[string]func() error{
		"login": func() error {
			_, err := f.TokenService.Login(web, &signetv1.LoginRequest{})
			return err
		},
		"refresh": func() error {
			_, err := f.TokenService.Refresh(web, &signetv1.RefreshRequest{RefreshToken: strings.Repeat("x", 8193)})
			return err
		},
		"mint": func() error {
			_, err := f.TokenService.Mint(web, &signetv1.MintRequest{Scope: strings.Repeat("x", 4097)})
			return err
		},
		"revoke": func() error {
			_, err := f.TokenService.Revoke(web, &signetv1.RevokeRequest{})
			return err
		},
		"introspect": func() error {
			_, err := f.TokenService.Introspect(web, &signetv1.IntrospectRequest{})
			return err
		},
	}
	for name, call := range calls {
		err := call()
		if status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_REQUEST" ||
			len(rpctest.Detail[*errdetails.BadRequest](status.Convert(err)).GetFieldViolations()) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := f.TokenService.Revoke(web, &signetv1.RevokeRequest{Token: strings.Repeat("x", 64<<10)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a message over 64 KiB: %v", err)
	}
}
