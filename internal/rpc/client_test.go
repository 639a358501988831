package rpc

import (
	"encoding/base64"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func encoded(pair string) string { return base64.StdEncoding.EncodeToString([]byte(pair)) }

func TestWhoeverIsNotAClientGetsOneAnswer(t *testing.T) {
	h := openHouse(t)
	if err := h.admin.DisableClient(t.Context(), operator, "other"); err != nil {
		t.Fatal(err)
	}
	if err := h.directory.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	var first *status.Status
	for name, values := range map[string][]string{
		"nothing":                {},
		"malformed":              {"Basic !"},
		"twice":                  {h.basic("web"), h.basic("web")},
		"bearer":                 {"Bearer abc"},
		"unknown id":             {"Basic " + encoded("nobody:"+h.secrets["web"])},
		"wrong secret":           {"Basic " + encoded("web:sgs_wrong")},
		"another's secret":       {"Basic " + encoded("web:"+h.secrets["other"])},
		"confidential as public": {"Basic " + encoded("web:")},
		"public with a secret":   {"Basic " + encoded("spa:anything")},
		"disabled":               {h.basic("other")},
	} {
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": values})
		_, err := h.tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: "x"})
		got := status.Convert(err)
		if got.Code() != codes.Unauthenticated || reason(err) != "INVALID_CLIENT" {
			t.Errorf("%s: %v %q", name, got.Code(), reason(err))
		}
		if first == nil {
			first = got
		}
		if !proto.Equal(got.Proto(), first.Proto()) {
			t.Errorf("%s is told %v, others %v", name, got.Proto(), first.Proto())
		}
	}
	if _, err := h.keys.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}); err != nil {
		t.Errorf("GetKeySet without a client: %v", err)
	}
}
