package adminrpc_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// An empty request is INVALID_ARGUMENT with its fields, except for calls that
// have no required field.
func TestEmptyRequests(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	valid := []string{
		"ListUsers", "ListClients", "ListAudiences", "ListRevocations", "ListVerifiers", "ListKeys", "RotateKeys",
	}
	for _, m := range signetv1.AdminService_ServiceDesc.Methods {
		method := "/" + signetv1.AdminService_ServiceDesc.ServiceName + "/" + m.MethodName
		err := f.Conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
		if slices.Contains(valid, m.MethodName) {
			must(t, err)
			continue
		}
		if reason(err) != "INVALID_REQUEST" ||
			len(rpctest.Detail[*errdetails.BadRequest](status.Convert(err)).GetFieldViolations()) == 0 {
			t.Errorf("%s: %v", m.MethodName, err)
		}
	}
}

// An error of package admin has its category as the reason.
func TestErrorsHaveTheirCategory(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	for name, c := range map[string]struct {
		call func() error
		want string
	}{
		"existing user name": {func() error {
			_, err := f.AdminService.CreateUser(ctx, &signetv1.CreateUserRequest{
				Username: username, Password: "a very good password",
			})
			return err
		}, "ALREADY_EXISTS"},
		"unknown user": {func() error {
			_, err := f.AdminService.DisableUser(ctx, &signetv1.DisableUserRequest{Username: "nobody"})
			return err
		}, "NOT_FOUND"},
		"unknown client": {func() error {
			_, err := f.AdminService.DisableClient(ctx, &signetv1.DisableClientRequest{Id: "nobody"})
			return err
		}, "NOT_FOUND"},
		"unknown audience": {func() error {
			_, err := f.AdminService.CreateClient(ctx, &signetv1.CreateClientRequest{
				Client: &signetv1.Client{Audience: []string{"nothing"}},
			})
			return err
		}, "FAILED_PRECONDITION"},
		"malformed scope": {func() error {
			_, err := f.AdminService.CreateClient(ctx, &signetv1.CreateClientRequest{
				Client: &signetv1.Client{Scope: "a\tb"},
			})
			return err
		}, "INVALID_SCOPE"},
		"malformed scope in an update": {func() error {
			_, err := f.AdminService.UpdateClient(ctx, &signetv1.UpdateClientRequest{
				Client:     &signetv1.Client{Id: "web", Scope: "\""},
				UpdateMask: mask("scope"),
			})
			return err
		}, "INVALID_SCOPE"},
		"secret of a public client": {func() error {
			_, err := f.AdminService.RotateClientSecret(ctx, &signetv1.RotateClientSecretRequest{Id: "spa"})
			return err
		}, "FAILED_PRECONDITION"},
		"unknown algorithm": {func() error {
			_, err := f.AdminService.CreateAudience(ctx, &signetv1.CreateAudienceRequest{
				Audience: &signetv1.Audience{Id: "x", Algorithm: "none"},
			})
			return err
		}, "INVALID_REQUEST"},
		"too long lifetime": {func() error {
			_, err := f.AdminService.UpdateAudience(ctx, &signetv1.UpdateAudienceRequest{
				Audience:   &signetv1.Audience{Id: "api", Lifetime: durationpb.New(24 * time.Hour)},
				UpdateMask: mask("lifetime"),
			})
			return err
		}, "INVALID_REQUEST"},
	} {
		if err := c.call(); reason(err) != c.want {
			t.Errorf("%s: %v %q, want %s", name, err, reason(err), c.want)
		}
	}
}
