package rpc_test

import (
	"context"
	"encoding/base64"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/rpctest"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// withType returns an access token with another typ, signed again.
func withType(t *testing.T, f *rpctest.Fixture, access, typ string) string {
	t.Helper()
	signer, err := f.Keys.Signer(keys.ES256)
	must(t, err)
	header := `{"typ":"` + typ + `","alg":"ES256","kid":"` + signer.KeyID + `"}`
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + strings.Split(access, ".")[1]
	signature, err := signer.Sign([]byte(input))
	must(t, err)
	signature, err = jws.CanonicalSignature(keys.ES256, signature)
	must(t, err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// An accessCase is the status of a call with this authorization metadata.
type accessCase struct {
	values []string
	code   codes.Code
	reason string
}

// Rule 71: The AdminService accepts only an access token that is active, whose
// only audience is the issuer, and whose scope has signet.admin.
func TestRule71_AdminServiceNeedsTheScope(t *testing.T) {
	t.Parallel() // it mostly waits
	f := newFixture(t)
	user, revoked := f.AdminLogIn(t, "ops"), f.AdminLogIn(t, "ops")
	must(t, f.Admin.UpdateClient(t.Context(), operator, "mesh", func(c *client.Client) {
		c.Audiences, c.Scope = append(c.Audiences, identifier), append(c.Scope, client.AdminScope)
	}))
	must(t, f.Admin.DisableClient(t.Context(), operator, "other"))
	must(t, f.Admin.UpdateClient(t.Context(), operator, "other", func(c *client.Client) {
		c.Audiences, c.Scope = []string{identifier}, oauth.NewScope(client.AdminScope)
	}))
	f.Poll(t)
	minted := func(subject string, refresh bool) string {
		r := f.Mint(t, "mesh", &signetv1.MintRequest{
			Audience: []string{identifier}, Scope: client.AdminScope, Subject: subject, Refresh: refresh,
		})
		return "Bearer " + r.GetTokens()[0].GetAccessToken()
	}
	_, err := f.TokenService.Revoke(f.As(t, "ops"), &signetv1.RevokeRequest{Token: revoked.GetRefreshToken()})
	must(t, err)
	type access = token.Access
	with := func(edit func(*access)) string { return "Bearer " + f.AdminToken(t, edit) }
	valid := with(nil)
	invalid := func(values ...string) accessCase { return accessCase{values, codes.Unauthenticated, "INVALID_CLIENT"} }
	invalidWith := func(edit func(*access)) accessCase { return invalid(with(edit)) }
	grant := user.GetGrantId()
	expire := func(a *access) { a.IssuedAt, a.ExpiresAt = a.IssuedAt.Add(-time.Minute), a.IssuedAt }
	for name, c := range map[string]accessCase{
		"token of the client itself":    {[]string{valid}, codes.OK, ""},
		"scheme in lower case":          {[]string{"bearer " + valid[7:]}, codes.OK, ""},
		"token of a login":              {[]string{"Bearer " + user.GetAccessToken()}, codes.OK, ""},
		"minted, for the client itself": {[]string{minted("", false)}, codes.OK, ""},
		"minted, for a registered user": {[]string{minted(user.GetSubject(), true)}, codes.OK, ""},
		"minted, for another subject":   invalid(minted("7", true)),
		"minted, for a user, no grant":  invalid(minted(user.GetSubject(), false)),
		"disabled client":               invalidWith(func(a *access) { a.ClientID, a.Subject = "other", "other" }),
		"missing":                       invalid(),
		"secret, without the scope":     invalid(f.Basic("web")),
		"secret, with the scope":        invalid(f.Basic("ops")),
		"token and secret":              invalid(valid, f.Basic("ops")),
		"another scheme":                invalid("DPoP " + valid[7:]),
		"empty token":                   invalid("Bearer "),
		"too long":                      invalid("Bearer " + strings.Repeat("a", 9<<10)),
		"altered signature":             invalid(valid[:len(valid)-6] + "AAAAAA"),
		"refresh token":                 invalid("Bearer " + user.GetRefreshToken()),
		"device token":                  invalid("Bearer " + user.GetDeviceToken()),
		"ID token":                      invalid("Bearer " + withType(t, f, valid[7:], "JWT")),
		"logout token":                  invalid("Bearer " + withType(t, f, valid[7:], "logout+jwt")),
		"revoked grant":                 invalid("Bearer " + revoked.GetAccessToken()),
		"expired":                       invalidWith(expire),
		"another audience":              invalidWith(func(a *access) { a.Audience = []string{"api-es"} }),
		"another audience too":          invalidWith(func(a *access) { a.Audience = append(a.Audience, "api-es") }),
		"audience with a slash":         invalidWith(func(a *access) { a.Audience = []string{identifier + "/"} }),
		"another issuer":                invalidWith(func(a *access) { a.Issuer += "/" }),
		"unknown client":                invalidWith(func(a *access) { a.ClientID, a.Subject = "x", "x" }),
		"public client":                 invalidWith(func(a *access) { a.ClientID, a.Subject = "kiosk", "kiosk" }),
		"client without the audience":   invalidWith(func(a *access) { a.ClientID, a.Subject = "web", "web" }),
		"user without a grant":          invalidWith(func(a *access) { a.Subject = user.GetSubject() }),
		"unknown grant":                 invalidWith(func(a *access) { a.GrantID = strings.Repeat("0", 32) }),
		"unknown subject":               invalidWith(func(a *access) { a.Subject, a.GrantID = "usr_x", grant }),
		"no scope": {
			[]string{with(func(a *access) { a.Scope = nil })}, codes.PermissionDenied, "ACCESS_DENIED",
		},
		"another scope": {
			[]string{with(func(a *access) { a.Scope = oauth.NewScope("read", "signet.administer") })},
			codes.PermissionDenied, "ACCESS_DENIED",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.AdminService.ListKeys(rpctest.WithAuthorization(t, c.values...), &signetv1.ListKeysRequest{})
			if status.Code(err) != c.code || reason(err) != c.reason {
				t.Errorf("%v %q, want %v %q", err, reason(err), c.code, c.reason)
			}
		})
	}
	for _, m := range signetv1.AdminService_ServiceDesc.Methods {
		for _, value := range []string{"", f.Basic("web"), f.Basic("ops")} {
			ctx := rpctest.WithAuthorization(t, value)
			method := "/" + signetv1.AdminService_ServiceDesc.ServiceName + "/" + m.MethodName
			if err := f.Conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}); reason(err) != "INVALID_CLIENT" {
				t.Errorf("%s with %.8q: %v", m.MethodName, value, err)
			}
		}
	}
	if text := f.Logs.Text(); strings.Contains(text, valid[7:]) {
		t.Error("the log has an access token")
	}
}

// Rule 71: The token of an administrator is rejected as soon as its client or
// user is disabled or deleted, or its client loses the audience or the scope.
// The token has not expired then.
func TestRule71_AdminTokensEndWithTheirClientAndUser(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(context.Context, *rpctest.Fixture) error
		reason string
	}{
		"client disabled": {func(ctx context.Context, f *rpctest.Fixture) error {
			return f.Admin.DisableClient(ctx, operator, "ops")
		}, "INVALID_CLIENT"},
		"client deleted": {func(ctx context.Context, f *rpctest.Fixture) error {
			return f.Admin.DeleteClient(ctx, operator, "ops")
		}, "INVALID_CLIENT"},
		"client without the audience": {func(ctx context.Context, f *rpctest.Fixture) error {
			return f.Admin.UpdateClient(ctx, operator, "ops", func(c *client.Client) { c.Audiences = nil })
		}, "INVALID_CLIENT"},
		"client without the scope": {func(ctx context.Context, f *rpctest.Fixture) error {
			return f.Admin.UpdateClient(ctx, operator, "ops", func(c *client.Client) { c.Scope = nil })
		}, "ACCESS_DENIED"},
		"audience disabled": {func(ctx context.Context, f *rpctest.Fixture) error {
			return f.Admin.DisableAudience(ctx, operator, identifier)
		}, "INVALID_CLIENT"},
		"user disabled": {func(ctx context.Context, f *rpctest.Fixture) error {
			return f.Admin.DisableUser(ctx, operator, username)
		}, "INVALID_CLIENT"},
		"user deleted": {func(ctx context.Context, f *rpctest.Fixture) error {
			return f.Admin.DeleteUser(ctx, operator, username)
		}, "INVALID_CLIENT"},
		"store closed": {func(_ context.Context, f *rpctest.Fixture) error {
			return f.Store.Close()
		}, "TEMPORARILY_UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			bearer := rpctest.WithAuthorization(t, "Bearer "+f.AdminLogIn(t, "ops").GetAccessToken())
			_, err := f.AdminService.ListKeys(bearer, &signetv1.ListKeysRequest{})
			must(t, err)
			must(t, c.end(t.Context(), f))
			_ = f.Registry.Poll(t.Context()) // fails if the store is closed
			if _, err := f.AdminService.ListKeys(bearer, &signetv1.ListKeysRequest{}); reason(err) != c.reason {
				t.Errorf("%v, want %s", err, c.reason)
			}
		})
	}
}

// Rule 71: A :path without the slash is an unknown method, even if the path
// with the slash is a method (CVE-2026-33186).
func TestRule71_PathWithoutASlash(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{
		"signet.v1.AdminService/ListKeys", "signet.v1.KeyService/GetKeySet", "//signet.v1.KeyService/GetKeySet",
		"/signet.v1.KeyService", "/signet.v1.KeyService/", "", "/", "*",
		"/signet.v1.keyservice/GetKeySet", "/signet.v1.KeyService/GetKeySet/",
	} {
		if got := rawCall(t, f.Address, path); got != "12" { // UNIMPLEMENTED
			t.Errorf(":path %q: grpc-status %q", path, got)
		}
	}
	if got := rawCall(t, f.Address, "/signet.v1.AdminService/ListKeys"); got != "16" { // UNAUTHENTICATED
		t.Errorf("method without credentials: grpc-status %q", got)
	}
	if got := rawCall(t, f.Address, "/signet.v1.KeyService/GetKeySet"); got != "0" {
		t.Errorf("method that needs no credentials: grpc-status %q", got)
	}
}

// rawCall makes a call with an empty message and any path. It returns the
// grpc-status, or "reset" if the server resets the stream.
func rawCall(t *testing.T, address, path string) (grpcStatus string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = conn.Write([]byte(http2.ClientPreface))
	must(t, err)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	must(t, framer.WriteSettings())
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", path},
		{":authority", "x"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		must(t, encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	must(t, framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true,
	}))
	must(t, framer.WriteData(1, true, make([]byte, 5)))
	for {
		frame, err := framer.ReadFrame()
		must(t, err)
		switch f := frame.(type) {
		case *http2.RSTStreamFrame:
			return "reset"
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				if field.Name == "grpc-status" {
					return field.Value
				}
			}
		}
	}
}
