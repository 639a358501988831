package rpc

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestFieldSizesAreBounded(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	names := func(n, size int) []string { return slices.Repeat([]string{x(size)}, n) }
	for _, c := range []struct {
		name string
		err  error
		want []string // the invalid fields
	}{
		{"smallest login", validateLogin(&signetv1.LoginRequest{Username: "a", Password: "b"}), nil},
		{"largest login", validateLogin(&signetv1.LoginRequest{
			Username: x(1024), Password: x(1024), Audience: names(16, 256), Scope: x(4096), DeviceToken: x(256),
			EndUser: &signetv1.EndUser{Ip: x(64), UserAgent: x(512), DeviceLabel: "👩‍💻 " + x(240)},
		}), nil},
		{"empty login", validateLogin(&signetv1.LoginRequest{}), []string{"username", "password"}},
		{"too large login", validateLogin(&signetv1.LoginRequest{
			Username: x(1025), Password: x(1025), Audience: names(17, 1), Scope: x(4097), DeviceToken: x(257),
			EndUser: &signetv1.EndUser{Ip: x(65), UserAgent: x(513), DeviceLabel: x(257)},
		}), []string{
			"username", "password", "audience", "scope", "end_user.ip", "end_user.user_agent", "end_user.device_label",
			"device_token",
		}},
		{"empty and too large audience", validateLogin(&signetv1.LoginRequest{
			Username: "a", Password: "b", Audience: []string{"y", "", x(257)},
		}), []string{
			"audience[1]", "audience[2]",
		}},
		{"device label with an escape sequence", validateLogin(&signetv1.LoginRequest{
			Username: "a", Password: "b", EndUser: &signetv1.EndUser{DeviceLabel: "\x1b[31mred"},
		}), []string{"end_user.device_label"}},
		{"device label with a bidirectional control", validateLogin(&signetv1.LoginRequest{
			Username: "a", Password: "b", EndUser: &signetv1.EndUser{DeviceLabel: "a\u202eb"},
		}), []string{"end_user.device_label"}},
		{"largest refresh", validateRefresh(&signetv1.RefreshRequest{
			RefreshToken: x(8192), Scope: x(4096), Audience: names(16, 256), IdempotencyKey: x(256),
		}), nil},
		{"empty refresh", validateRefresh(&signetv1.RefreshRequest{}), []string{"refresh_token"}},
		{"too large refresh", validateRefresh(&signetv1.RefreshRequest{
			RefreshToken: x(8193), Scope: x(4097), Audience: names(17, 1), IdempotencyKey: x(257),
		}), []string{"refresh_token", "scope", "audience", "idempotency_key"}},
		{"smallest mint", validateMint(&signetv1.MintRequest{}), nil},
		{"largest mint", validateMint(&signetv1.MintRequest{
			Audience: names(16, 256), Scope: x(4096), Subject: x(255), Amr: names(16, 64), AuthTime: timestamppb.Now(),
		}), nil},
		{"too large mint", validateMint(&signetv1.MintRequest{
			Audience: names(17, 1), Scope: x(4097), Subject: x(256), Amr: names(17, 1),
			AuthTime: &timestamppb.Timestamp{Nanos: -1},
			EndUser:  &signetv1.EndUser{UserAgent: x(513)},
		}), []string{"audience", "scope", "subject", "auth_time", "amr", "end_user.user_agent"}},
		{"refresh token with a line break", validateRefresh(&signetv1.RefreshRequest{RefreshToken: "x\n"}), []string{
			"refresh_token",
		}},
		{"token with a line break", validateToken("x\n", ""), []string{"token"}},
		{"token with NUL", validateToken("x\x00y", ""), []string{"token"}},
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
		if c.want != nil && (s.Code() != codes.InvalidArgument ||
			detail[*errdetails.ErrorInfo](s).GetReason() != "INVALID_REQUEST") {
			t.Errorf("%s: %v %q", c.name, s.Code(), detail[*errdetails.ErrorInfo](s).GetReason())
		}
	}
}
