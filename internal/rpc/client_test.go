package rpc

import (
	"encoding/base64"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func encoded(pair string) string { return base64.StdEncoding.EncodeToString([]byte(pair)) }

func TestBasicIsReadStrictly(t *testing.T) {
	for name, c := range map[string]struct {
		values     []string
		id, secret string
	}{
		"plain":                 {[]string{"Basic " + encoded("web:s3cret")}, "web", "s3cret"},
		"scheme in other case":  {[]string{"bASIC " + encoded("web:s3cret")}, "web", "s3cret"},
		"public":                {[]string{"Basic " + encoded("spa:")}, "spa", ""},
		"form-encoded":          {[]string{"Basic " + encoded("a%3Ab%2Fc:x%2By+z")}, "a:b/c", "x+y z"},
		"secret with a colon":   {[]string{"Basic " + encoded("web:a:b")}, "web", "a:b"},
		"none":                  {nil, "", ""},
		"empty":                 {[]string{""}, "", ""},
		"two":                   {[]string{"Basic " + encoded("web:s"), "Basic " + encoded("web:s")}, "", ""},
		"other scheme":          {[]string{"Bearer " + encoded("web:s")}, "", ""},
		"no scheme":             {[]string{encoded("web:s")}, "", ""},
		"two spaces":            {[]string{"Basic  " + encoded("web:s")}, "", ""},
		"trailing space":        {[]string{"Basic " + encoded("web:s") + " "}, "", ""},
		"no colon":              {[]string{"Basic " + encoded("web")}, "", ""},
		"no id":                 {[]string{"Basic " + encoded(":s")}, "", ""},
		"no padding":            {[]string{"Basic " + strings.TrimRight(encoded("web:s"), "=")}, "", ""},
		"spare bits":            {[]string{"Basic d2ViOnN="}, "", ""},
		"line break":            {[]string{"Basic d2Vi\nOnMz"}, "", ""},
		"URL alphabet":          {[]string{"Basic " + base64.URLEncoding.EncodeToString([]byte("web:\xff\xfe\xfa"))}, "", ""},
		"broken escape, id":     {[]string{"Basic " + encoded("w%zz:s")}, "", ""},
		"broken escape, secret": {[]string{"Basic " + encoded("web:%")}, "", ""},
		"id with a space":       {[]string{"Basic " + encoded("w+eb:s")}, "", ""},
		"id with a line break":  {[]string{"Basic " + encoded("w%0Aeb:s")}, "", ""},
		"too long":              {[]string{"Basic " + encoded("web:"+strings.Repeat("s", 2<<10))}, "", ""},
	} {
		id, secret, ok := basic(c.values)
		if ok != (c.id != "") || ok && (id != c.id || secret != c.secret) {
			t.Errorf("%s: %q %q %v", name, id, secret, ok)
		}
	}
}

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
