package adminrpc_test

import (
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A number that a Struct has perhaps changed is refused, and the error names
// the claim. Every other number is returned as it was set.
func TestUserClaims_Numbers(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	claims := func(name string, n float64) *structpb.Struct {
		return &structpb.Struct{Fields: map[string]*structpb.Value{name: structpb.NewNumberValue(n)}}
	}
	_, err := f.AdminService.CreateUser(ctx, &signetv1.CreateUserRequest{
		Username: "grace", Password: "a very good password", Claims: claims("level", 3),
	})
	must(t, err)
	for _, n := range []float64{1<<53 - 1, -(1<<53 - 1), 0.1, 1e-7} {
		_, err := f.AdminService.SetUserClaims(ctx, &signetv1.SetUserClaimsRequest{
			Username: "grace", Claims: claims("level", n),
		})
		must(t, err)
		u, err := f.AdminService.GetUser(ctx, &signetv1.GetUserRequest{Username: "grace"})
		must(t, err)
		if got := u.GetClaims().GetFields()["level"].GetNumberValue(); got != n {
			t.Errorf("got %v, want %v", got, n)
		}
	}

	for name, want := range map[string]string{"legacy_id": "claims.legacy_id", "a b\n": "claims"} {
		_, createErr := f.AdminService.CreateUser(ctx, &signetv1.CreateUserRequest{
			Username: "alan", Password: "a very good password", Claims: claims(name, 1<<53),
		})
		_, setErr := f.AdminService.SetUserClaims(ctx, &signetv1.SetUserClaimsRequest{
			Username: "grace", Claims: claims(name, -(1 << 53)),
		})
		for call, err := range map[string]error{"CreateUser": createErr, "SetUserClaims": setErr} {
			fields := rpctest.Detail[*errdetails.BadRequest](status.Convert(err)).GetFieldViolations()
			if reason(err) != "INVALID_REQUEST" || len(fields) != 1 || fields[0].GetField() != want {
				t.Errorf("%s of %q: %v, fields %v", call, name, err, fields)
			}
		}
	}
}
