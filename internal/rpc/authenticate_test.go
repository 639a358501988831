package rpc_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestInvalidClientsGetOneResponse(t *testing.T) {
	f := newFixture(t)
	must(t, f.Admin.DisableClient(t.Context(), operator, "other"))
	f.Poll(t)
	var first *status.Status
	for name, values := range map[string][]string{
		"missing":                {},
		"malformed":              {"Basic !"},
		"repeated":               {f.Basic("web"), f.Basic("web")},
		"bearer":                 {"Bearer abc"},
		"unknown id":             {rpctest.Basic("nobody", f.Secrets["web"])},
		"wrong secret":           {rpctest.Basic("web", "sgs_wrong")},
		"another's secret":       {rpctest.Basic("web", f.Secrets["other"])},
		"confidential as public": {rpctest.Basic("web", "")},
		"public with a secret":   {rpctest.Basic("spa", "anything")},
		"disabled":               {f.Basic("other")},
	} {
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": values})
		_, err := f.TokenService.Introspect(ctx, &signetv1.IntrospectRequest{Token: "x"})
		got := status.Convert(err)
		if got.Code() != codes.Unauthenticated || reason(err) != "INVALID_CLIENT" {
			t.Errorf("%s: %v %q", name, got.Code(), reason(err))
		}
		if first == nil {
			first = got
		}
		if !proto.Equal(got.Proto(), first.Proto()) {
			t.Errorf("%s: status %v, want %v", name, got.Proto(), first.Proto())
		}
	}
	if _, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}); err != nil {
		t.Errorf("GetKeySet without a client: %v", err)
	}
}
