package rpc

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestSizesAreBounded(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	names := func(n, size int) []string { return slices.Repeat([]string{x(size)}, n) }
	for _, c := range []struct {
		name string
		err  error
		want []string // the fields complained of
	}{
		{"least login", validateLogin(&signetv1.LoginRequest{Username: "a", Password: "b"}), nil},
		{"largest login", validateLogin(&signetv1.LoginRequest{
			Username: x(1024), Password: x(1024), Audience: names(16, 256), Scope: x(4096), DeviceToken: x(256),
			EndUser: &signetv1.EndUser{Ip: x(64), UserAgent: x(512), DeviceLabel: "👩‍💻 " + x(240)},
		}), nil},
		{"empty login", validateLogin(&signetv1.LoginRequest{}), []string{"username", "password"}},
		{"too large login", validateLogin(&signetv1.LoginRequest{
			Username: x(1025), Password: x(1025), Audience: names(17, 1), Scope: x(4097), DeviceToken: x(257),
			EndUser: &signetv1.EndUser{Ip: x(65), UserAgent: x(513), DeviceLabel: x(257)},
		}), []string{
			"username", "password", "audience", "scope", "end_user.ip", "end_user.user_agent", "end_user.device_label", "device_token",
		}},
		{"audiences", validateLogin(&signetv1.LoginRequest{Username: "a", Password: "b", Audience: []string{"y", "", x(257)}}), []string{
			"audience[1]", "audience[2]",
		}},
		{"label", validateLogin(&signetv1.LoginRequest{
			Username: "a", Password: "b", EndUser: &signetv1.EndUser{DeviceLabel: "\x1b[31mred"},
		}), []string{"end_user.device_label"}},
		{"label backwards", validateLogin(&signetv1.LoginRequest{
			Username: "a", Password: "b", EndUser: &signetv1.EndUser{DeviceLabel: "a\u202eb"},
		}), []string{"end_user.device_label"}},
		{"largest refresh", validateRefresh(&signetv1.RefreshRequest{
			RefreshToken: x(8192), Scope: x(4096), Audience: names(16, 256), IdempotencyKey: x(256),
		}), nil},
		{"empty refresh", validateRefresh(&signetv1.RefreshRequest{}), []string{"refresh_token"}},
		{"too large refresh", validateRefresh(&signetv1.RefreshRequest{
			RefreshToken: x(8193), Scope: x(4097), Audience: names(17, 1), IdempotencyKey: x(257),
		}), []string{"refresh_token", "scope", "audience", "idempotency_key"}},
		{"least mint", validateMint(&signetv1.MintRequest{}), nil},
		{"largest mint", validateMint(&signetv1.MintRequest{
			Audience: names(16, 256), Scope: x(4096), Subject: x(255), Amr: names(16, 64), AuthTime: timestamppb.Now(),
		}), nil},
		{"too large mint", validateMint(&signetv1.MintRequest{
			Audience: names(17, 1), Scope: x(4097), Subject: x(256), Amr: names(17, 1), AuthTime: &timestamppb.Timestamp{Nanos: -1},
			EndUser: &signetv1.EndUser{UserAgent: x(513)},
		}), []string{"audience", "scope", "subject", "auth_time", "amr", "end_user.user_agent"}},
		{"largest token", validateToken(x(8192), x(64)), nil},
		{"empty token", validateToken("", ""), []string{"token"}},
		{"too large token", validateToken(x(8193), x(65)), []string{"token", "token_type_hint"}},
	} {
		s := translate(t.Context(), c.err)
		var got []string
		for _, f := range detail[*errdetails.BadRequest](s).GetFieldViolations() {
			got = append(got, f.GetField())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.want != nil && (s.Code() != codes.InvalidArgument || reason(s.Err()) != "INVALID_REQUEST") {
			t.Errorf("%s: %v %q", c.name, s.Code(), reason(s.Err()))
		}
	}
}

func TestMalformedRequestsOverTheWire(t *testing.T) {
	h := openHouse(t)
	web := h.as(t, "web")
	calls := map[string]func() error{
		"login": func() error {
			_, err := h.tokens.Login(web, &signetv1.LoginRequest{})
			return err
		},
		"refresh": func() error {
			_, err := h.tokens.Refresh(web, &signetv1.RefreshRequest{RefreshToken: strings.Repeat("x", 8193)})
			return err
		},
		"mint": func() error {
			_, err := h.tokens.Mint(web, &signetv1.MintRequest{Scope: strings.Repeat("x", 4097)})
			return err
		},
		"revoke": func() error {
			_, err := h.tokens.Revoke(web, &signetv1.RevokeRequest{})
			return err
		},
		"introspect": func() error {
			_, err := h.tokens.Introspect(web, &signetv1.IntrospectRequest{})
			return err
		},
	}
	for name, call := range calls {
		err := call()
		if status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_REQUEST" ||
			len(detail[*errdetails.BadRequest](status.Convert(err)).GetFieldViolations()) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := h.tokens.Revoke(web, &signetv1.RevokeRequest{Token: strings.Repeat("x", 64<<10)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a message over 64 KiB: %v", err)
	}
}
