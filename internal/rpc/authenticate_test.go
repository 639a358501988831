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

// The callers get one response. The log has the claimed id and the reason.
func TestInvalidClientsGetOneResponse(t *testing.T) {
	t.Parallel() // it mostly waits
	f := newFixture(t)
	must(t, f.Admin.DisableClient(t.Context(), operator, "other"))
	f.Poll(t)
	const (
		malformed = "the Authorization header is missing or malformed"
		unknown   = "there is no client of that id"
		secret    = "the secret is not one of the client's secrets"
	)
	var first *status.Status
	for name, c := range map[string]struct {
		values         []string
		claimed, cause any
	}{
		"missing":          {nil, nil, malformed},
		"malformed":        {[]string{"Basic !"}, nil, malformed},
		"repeated":         {[]string{f.Basic("web"), f.Basic("web")}, nil, malformed},
		"bearer":           {[]string{"Bearer abc"}, nil, "invalid token: does not have three parts"},
		"hostile id":       {[]string{rpctest.Basic("a%0A%1B", "x")}, `a\n\x1b`, unknown},
		"unknown id":       {[]string{rpctest.Basic("nobody", f.Secrets["web"])}, "nobody", unknown},
		"swapped":          {[]string{rpctest.Basic(f.Secrets["web"], "web")}, "(hidden: it contains sgs_)", unknown},
		"wrong secret":     {[]string{rpctest.Basic("web", "sgs_wrong")}, "web", secret},
		"another's secret": {[]string{rpctest.Basic("web", f.Secrets["other"])}, "web", secret},
		"confidential as public": {
			[]string{rpctest.Basic("web", "")}, "web", "the request has no credentials, and the client is not public",
		},
		"public with a secret": {
			[]string{rpctest.Basic("spa", "anything")}, "spa", "the request has a secret, but the client is public",
		},
		"disabled": {[]string{f.Basic("other")}, "other", "the client is disabled"},
	} {
		f.Logs.Reset()
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": c.values})
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
		if line := f.Logs.Line(t, "call"); line["claimed"] != c.claimed || line["cause"] != c.cause {
			t.Errorf("%s: logged %v, want %v and %v", name, line, c.claimed, c.cause)
		}
	}
	if _, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}); err != nil {
		t.Errorf("GetKeySet without a client: %v", err)
	}
}
