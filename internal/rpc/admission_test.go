package rpc

import (
	"context"
	"encoding/base64"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// access returns an access token of the client ops in its own name, which administers but for what edit changes.
func (h *house) access(t *testing.T, edit func(*token.Access)) string {
	t.Helper()
	signer, err := h.ring.Signer(keys.ES256)
	must(t, err)
	now := h.clock.now().Truncate(time.Second)
	a := token.Access{
		Issuer: identifier, Subject: "ops", Audience: []string{identifier}, ClientID: "ops", Scope: oauth.NewScope(issuer.AdminScope),
		IssuedAt: now, ExpiresAt: now.Add(time.Minute), ID: token.NewID(),
	}
	if edit != nil {
		edit(&a)
	}
	text, err := token.SignAccess(signer, a)
	must(t, err)
	return text
}

// retyped returns the same token with another typ, and with the signature that it needs.
func (h *house) retyped(t *testing.T, access, typ string) string {
	t.Helper()
	signer, err := h.ring.Signer(keys.ES256)
	must(t, err)
	header := `{"typ":"` + typ + `","alg":"ES256","kid":"` + signer.KeyID + `"}`
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + strings.Split(access, ".")[1]
	signature, err := signer.Sign([]byte(input))
	must(t, err)
	signature, err = jws.CanonicalSignature(keys.ES256, signature)
	must(t, err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// administrate returns a context in which ops calls with its own token.
func (h *house) administrate(t *testing.T) context.Context {
	return metadata.NewOutgoingContext(soon(t), metadata.Pairs(
		"authorization", "Bearer "+h.access(t, nil), requestIDHeader, "req-1"))
}

// adminLogin logs the user in through a client for the issuer itself.
func (h *house) adminLogin(t *testing.T, client string) *signetv1.TokenResponse {
	t.Helper()
	r, err := h.tokens.Login(h.as(t, client), &signetv1.LoginRequest{
		Username: username, Password: secret, Audience: []string{identifier}, Scope: issuer.AdminScope,
	})
	must(t, err)
	return r
}

// Rule 71: the calls of administration are on the door of the others, and nobody gets in but who has an access token for the
// issuer alone, with the scope, that is good at this moment.
func TestRule71_AdminServiceNeedsTheScope(t *testing.T) {
	h := openHouse(t)
	in := h.adminLogin(t, "ops")
	gone := h.adminLogin(t, "ops")
	must(t, h.admin.UpdateClient(t.Context(), operator, "mesh", func(c *client.Client) {
		c.Audiences, c.Scope = append(c.Audiences, identifier), append(c.Scope, issuer.AdminScope)
	}))
	must(t, h.admin.DisableClient(t.Context(), operator, "other"))
	must(t, h.admin.UpdateClient(t.Context(), operator, "other", func(c *client.Client) {
		c.Audiences, c.Scope = []string{identifier}, oauth.NewScope(issuer.AdminScope)
	}))
	must(t, h.directory.Poll(t.Context()))
	minted := func(subject string, refresh bool) string {
		r := h.mint(t, "mesh", &signetv1.MintRequest{Audience: []string{identifier}, Scope: issuer.AdminScope, Subject: subject, Refresh: refresh})
		return "Bearer " + r.GetTokens()[0].GetAccessToken()
	}
	_, err := h.tokens.Revoke(h.as(t, "ops"), &signetv1.RevokeRequest{Token: gone.GetRefreshToken()})
	must(t, err)
	with := func(edit func(*token.Access)) string { return "Bearer " + h.access(t, edit) }
	good := with(nil)
	for name, c := range map[string]struct {
		values []string
		code   codes.Code
		reason string
	}{
		"its own token":          {[]string{good}, codes.OK, ""},
		"scheme in other case":   {[]string{"bearer " + good[7:]}, codes.OK, ""},
		"somebody who logged in": {[]string{"Bearer " + in.GetAccessToken()}, codes.OK, ""},

		"minted, its own":   {[]string{minted("", false)}, codes.OK, ""},
		"minted for a user": {[]string{minted(in.GetSubject(), true)}, codes.OK, ""},

		"minted for a subject": {[]string{minted("7", true)}, codes.Unauthenticated, "INVALID_CLIENT"},
		"and without a grant":  {[]string{minted(in.GetSubject(), false)}, codes.Unauthenticated, "INVALID_CLIENT"},
		"a disabled client":    {[]string{with(func(a *token.Access) { a.ClientID, a.Subject = "other", "other" })}, codes.Unauthenticated, "INVALID_CLIENT"},
		"nothing":              {nil, codes.Unauthenticated, "INVALID_CLIENT"},
		"a good client":        {[]string{h.basic("web")}, codes.Unauthenticated, "INVALID_CLIENT"},
		"the client itself":    {[]string{h.basic("ops")}, codes.Unauthenticated, "INVALID_CLIENT"},
		"both":                 {[]string{good, h.basic("ops")}, codes.Unauthenticated, "INVALID_CLIENT"},
		"another scheme":       {[]string{"DPoP " + good[7:]}, codes.Unauthenticated, "INVALID_CLIENT"},
		"no token":             {[]string{"Bearer "}, codes.Unauthenticated, "INVALID_CLIENT"},
		"too long":             {[]string{"Bearer " + strings.Repeat("a", 9<<10)}, codes.Unauthenticated, "INVALID_CLIENT"},
		"an altered signature": {[]string{good[:len(good)-6] + "AAAAAA"}, codes.Unauthenticated, "INVALID_CLIENT"},
		"a refresh token":      {[]string{"Bearer " + in.GetRefreshToken()}, codes.Unauthenticated, "INVALID_CLIENT"},
		"a device token":       {[]string{"Bearer " + in.GetDeviceToken()}, codes.Unauthenticated, "INVALID_CLIENT"},
		"an ID token":          {[]string{"Bearer " + h.retyped(t, good[7:], "JWT")}, codes.Unauthenticated, "INVALID_CLIENT"},
		"a logout token":       {[]string{"Bearer " + h.retyped(t, good[7:], "logout+jwt")}, codes.Unauthenticated, "INVALID_CLIENT"},
		"a revoked grant":      {[]string{"Bearer " + gone.GetAccessToken()}, codes.Unauthenticated, "INVALID_CLIENT"},
		"expired": {[]string{with(func(a *token.Access) {
			a.IssuedAt, a.ExpiresAt = a.IssuedAt.Add(-time.Minute), a.IssuedAt
		})}, codes.Unauthenticated, "INVALID_CLIENT"},
		"another audience": {[]string{with(func(a *token.Access) { a.Audience = []string{"api-es"} })}, codes.Unauthenticated, "INVALID_CLIENT"},
		"another audience, too": {
			[]string{with(func(a *token.Access) { a.Audience = append(a.Audience, "api-es") })}, codes.Unauthenticated, "INVALID_CLIENT",
		},
		"the audience with a slash": {
			[]string{with(func(a *token.Access) { a.Audience = []string{identifier + "/"} })}, codes.Unauthenticated, "INVALID_CLIENT",
		},
		"another issuer":     {[]string{with(func(a *token.Access) { a.Issuer += "/" })}, codes.Unauthenticated, "INVALID_CLIENT"},
		"an unknown client":  {[]string{with(func(a *token.Access) { a.ClientID, a.Subject = "x", "x" })}, codes.Unauthenticated, "INVALID_CLIENT"},
		"a public client":    {[]string{with(func(a *token.Access) { a.ClientID, a.Subject = "kiosk", "kiosk" })}, codes.Unauthenticated, "INVALID_CLIENT"},
		"not its audience":   {[]string{with(func(a *token.Access) { a.ClientID, a.Subject = "web", "web" })}, codes.Unauthenticated, "INVALID_CLIENT"},
		"another's name":     {[]string{with(func(a *token.Access) { a.Subject = in.GetSubject() })}, codes.Unauthenticated, "INVALID_CLIENT"},
		"a grant of nowhere": {[]string{with(func(a *token.Access) { a.GrantID = strings.Repeat("0", 32) })}, codes.Unauthenticated, "INVALID_CLIENT"},
		"a subject of nowhere": {
			[]string{with(func(a *token.Access) { a.Subject, a.GrantID = "usr_x", in.GetGrantId() })}, codes.Unauthenticated, "INVALID_CLIENT",
		},

		"no scope":      {[]string{with(func(a *token.Access) { a.Scope = nil })}, codes.PermissionDenied, "ACCESS_DENIED"},
		"another scope": {[]string{with(func(a *token.Access) { a.Scope = oauth.NewScope("read", "signet.administer") })}, codes.PermissionDenied, "ACCESS_DENIED"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := metadata.NewOutgoingContext(soon(t), metadata.MD{"authorization": c.values})
			_, err := h.operator.ListKeys(ctx, &signetv1.ListKeysRequest{})
			if status.Code(err) != c.code || reason(err) != c.reason {
				t.Errorf("%v %q, want %v %q", err, reason(err), c.code, c.reason)
			}
		})
	}
	for _, m := range signetv1.AdminService_ServiceDesc.Methods {
		for _, value := range []string{"", h.basic("web"), h.basic("ops")} {
			ctx := metadata.NewOutgoingContext(soon(t), metadata.Pairs("authorization", value))
			method := "/" + signetv1.AdminService_ServiceDesc.ServiceName + "/" + m.MethodName
			if err := h.conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}); reason(err) != "INVALID_CLIENT" {
				t.Errorf("%s by %.8q: %v", m.MethodName, value, err)
			}
		}
	}
	if text := h.logs.text(); strings.Contains(text, good[7:]) {
		t.Error("the log has an access token")
	}
}

// Rule 71: what ends a client, its rights or its user ends administration at once, though the token lives on.
func TestRule71_AdminTokensEndWithTheirClientAndUser(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*testing.T, *house) error
		reason string
	}{
		"the client is disabled": {func(t *testing.T, h *house) error { return h.admin.DisableClient(t.Context(), operator, "ops") }, "INVALID_CLIENT"},
		"the client is deleted":  {func(t *testing.T, h *house) error { return h.admin.DeleteClient(t.Context(), operator, "ops") }, "INVALID_CLIENT"},
		"the client loses the audience": {func(t *testing.T, h *house) error {
			return h.admin.UpdateClient(t.Context(), operator, "ops", func(c *client.Client) { c.Audiences = nil })
		}, "INVALID_CLIENT"},
		"the client loses the scope": {func(t *testing.T, h *house) error {
			return h.admin.UpdateClient(t.Context(), operator, "ops", func(c *client.Client) { c.Scope = nil })
		}, "ACCESS_DENIED"},
		"the audience is disabled": {func(t *testing.T, h *house) error { return h.admin.DisableAudience(t.Context(), operator, identifier) }, "INVALID_CLIENT"},
		"the user is disabled":     {func(t *testing.T, h *house) error { return h.admin.DisableUser(t.Context(), operator, username) }, "INVALID_CLIENT"},
		"the user is deleted":      {func(t *testing.T, h *house) error { return h.admin.DeleteUser(t.Context(), operator, username) }, "INVALID_CLIENT"},
		"the store is closed":      {func(_ *testing.T, h *house) error { return h.store.Close() }, "TEMPORARILY_UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouse(t)
			bearer := metadata.NewOutgoingContext(soon(t), metadata.Pairs("authorization", "Bearer "+h.adminLogin(t, "ops").GetAccessToken()))
			_, err := h.operator.ListKeys(bearer, &signetv1.ListKeysRequest{})
			must(t, err)
			must(t, c.end(t, h))
			_ = h.directory.Poll(t.Context()) // as it does four times a second
			if _, err := h.operator.ListKeys(bearer, &signetv1.ListKeysRequest{}); reason(err) != c.reason {
				t.Errorf("%v, want %s", err, c.reason)
			}
		})
	}
}

// Rule 71: a :path without its slash is no method, also where it would be one with it (CVE-2026-33186).
func TestRule71_PathWithoutASlash(t *testing.T) {
	h := openHouse(t)
	for _, path := range []string{
		"signet.v1.AdminService/ListKeys", "signet.v1.KeyService/GetKeySet", "//signet.v1.KeyService/GetKeySet", "/signet.v1.KeyService",
		"/signet.v1.KeyService/", "", "/", "*", "/signet.v1.keyservice/GetKeySet", "/signet.v1.KeyService/GetKeySet/",
	} {
		if got := h.rawCall(t, path); got != "12" { // UNIMPLEMENTED
			t.Errorf(":path %q: grpc-status %q", path, got)
		}
	}
	if got := h.rawCall(t, "/signet.v1.AdminService/ListKeys"); got != "16" { // UNAUTHENTICATED
		t.Errorf("with the slash: grpc-status %q", got)
	}
	if got := h.rawCall(t, "/signet.v1.KeyService/GetKeySet"); got != "0" {
		t.Errorf("an open method: grpc-status %q", got)
	}
}

// rawCall makes a call with an empty message to whatever path, and returns the grpc-status; "reset" if the stream was.
func (h *house) rawCall(t *testing.T, path string) (grpcStatus string) {
	t.Helper()
	conn, err := net.Dial("tcp", h.address)
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
		{":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "x"}, {"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		must(t, encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	must(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true}))
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

// Every service behind the door says who may call it, and one that does not would let nobody in.
func TestEveryServiceHasAnAdmission(t *testing.T) {
	h := openHouse(t, func(o *Options) { o.Reflection = true })
	var registered, admitted []string
	for name := range h.server.server.GetServiceInfo() {
		registered = append(registered, name)
	}
	for name, who := range admissions {
		admitted = append(admitted, name)
		if who == 0 || who&everybody != 0 && who != everybody {
			t.Errorf("%s admits %b", name, who)
		}
	}
	slices.Sort(registered)
	slices.Sort(admitted)
	if !slices.Equal(registered, admitted) {
		t.Errorf("registered %q, admitted %q", registered, admitted)
	}
	for _, method := range []string{"/signet.v1.Forgotten/Call", "", "/", "//", "signet.v1.Forgotten", "/signet.v1.TokenServic/Login"} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", h.basic("web")))
		if err := (interceptor{directory: h.directory}).identify(ctx, admissionTo(method), &issuer.Caller{}); reason(translate(ctx, err).Err()) != "ACCESS_DENIED" {
			t.Errorf("%q: %v", method, err)
		}
	}
}
