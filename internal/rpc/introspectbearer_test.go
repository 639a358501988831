package rpc_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/rpctest"
	"github.com/signetd/signet/internal/token"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// newCheckerFixture returns a fixture whose client checker may introspect the
// tokens of the API, and has the issuer as its only audience.
func newCheckerFixture(t *testing.T) *rpctest.Fixture {
	t.Helper()
	f := newFixture(t)
	f.Register(t, client.Client{ID: "checker", Audiences: []string{identifier}, IntrospectAudiences: []string{"api"}})
	return f
}

// Rule 11: the access token of a client authenticates its introspection only if
// the client has it in its own name, and if the issuer is its only audience.
// The token of a user who logged in through the client does not.
func TestRule11_IntrospectionByTheClientsOwnToken(t *testing.T) {
	f := newCheckerFixture(t)
	must(t, f.Admin.UpdateClient(t.Context(), operator, "mesh", func(c *client.Client) {
		c.Audiences = append(c.Audiences, identifier)
	}))
	f.Poll(t)
	user := f.AdminLogIn(t, "ops")
	minted := func(subject string, refresh bool) string {
		r := f.Mint(t, "mesh", &signetv1.MintRequest{
			Audience: []string{identifier}, Subject: subject, Refresh: refresh,
		})
		return "Bearer " + r.GetTokens()[0].GetAccessToken()
	}
	with := func(edit func(*token.Access)) string {
		return "Bearer " + f.AdminToken(t, func(a *token.Access) {
			a.ClientID, a.Subject, a.Scope = "checker", "checker", nil
			if edit != nil {
				edit(a)
			}
		})
	}
	expire := func(a *token.Access) { a.IssuedAt, a.ExpiresAt = a.IssuedAt.Add(-time.Minute), a.IssuedAt }
	valid := with(nil)
	own := f.Mint(t, "checker", &signetv1.MintRequest{}).GetTokens()[0].GetAccessToken()
	ok := func(values ...string) accessCase { return accessCase{values, codes.OK, ""} }
	invalid := func(values ...string) accessCase { return accessCase{values, codes.Unauthenticated, "INVALID_CLIENT"} }
	invalidWith := func(edit func(*token.Access)) accessCase { return invalid(with(edit)) }
	invalidAs := func(id string) accessCase {
		return invalidWith(func(a *token.Access) { a.ClientID, a.Subject = id, id })
	}
	for name, c := range map[string]accessCase{
		"own token":                     ok("Bearer " + own),
		"scheme in lower case":          ok("bearer " + own),
		"token of an administrator":     ok("Bearer " + f.AdminToken(t, nil)),
		"minted, for the client itself": ok(minted("", false)),
		"token of a login":              invalid("Bearer " + user.GetAccessToken()),
		"minted, for a registered user": invalid(minted(user.GetSubject(), true)),
		"minted, user without a grant":  invalid(minted(user.GetSubject(), false)),
		"minted, for another subject":   invalid(minted("7", false)),
		"token and secret":              invalid("Bearer "+own, f.Basic("web")),
		"two tokens":                    invalid("Bearer "+own, "Bearer "+own),
		"empty token":                   invalid("Bearer "),
		"no token":                      invalid("Bearer"),
		"too long":                      invalid("Bearer " + strings.Repeat("a", 9<<10)),
		"altered signature":             invalid(valid[:len(valid)-6] + "AAAAAA"),
		"refresh token":                 invalid("Bearer " + user.GetRefreshToken()),
		"ID token":                      invalid("Bearer " + withType(t, f, valid[7:], "JWT")),
		"expired":                       invalidWith(expire),
		"another audience":              invalidWith(func(a *token.Access) { a.Audience = []string{"api"} }),
		"another audience too":          invalidWith(func(a *token.Access) { a.Audience = append(a.Audience, "api") }),
		"another issuer":                invalidWith(func(a *token.Access) { a.Issuer += "/" }),
		"unknown client":                invalidAs("x"),
		"public client":                 invalidAs("kiosk"),
		"client without the audience":   invalidAs("web"),
		"own name, of a grant":          invalidWith(func(a *token.Access) { a.GrantID = user.GetGrantId() }),
	} {
		_, err := f.TokenService.Introspect(
			rpctest.WithAuthorization(t, c.values...), &signetv1.IntrospectRequest{Token: "x"},
		)
		if status.Code(err) != c.code || reason(err) != c.reason {
			t.Errorf("%s: %v %q, want %v %q", name, err, reason(err), c.code, c.reason)
		}
	}

	for _, m := range signetv1.TokenService_ServiceDesc.Methods {
		if m.MethodName == "Introspect" {
			continue
		}
		method := "/" + signetv1.TokenService_ServiceDesc.ServiceName + "/" + m.MethodName
		err := f.Conn.Invoke(rpctest.WithAuthorization(t, "Bearer "+own), method, &emptypb.Empty{}, &emptypb.Empty{})
		if reason(err) != "INVALID_CLIENT" {
			t.Errorf("%s with an access token: %v", m.MethodName, err)
		}
	}
	if text := f.Logs.Text(); strings.Contains(text, valid[7:]) || strings.Contains(text, own) {
		t.Error("the log has an access token")
	}
}

// With its access token, a client introspects the same tokens as with its
// secret. That ends at once when the client is disabled, loses the audience or
// its secrets leaked.
func TestIntrospect_ByAccessToken(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, f *rpctest.Fixture){
		"disabled": func(t *testing.T, f *rpctest.Fixture) {
			must(t, f.Admin.DisableClient(t.Context(), operator, "checker"))
		},
		"deleted": func(t *testing.T, f *rpctest.Fixture) {
			must(t, f.Admin.DeleteClient(t.Context(), operator, "checker"))
		},
		"without the audience": func(t *testing.T, f *rpctest.Fixture) {
			must(t, f.Admin.UpdateClient(t.Context(), operator, "checker", func(c *client.Client) {
				c.Audiences = nil
			}))
		},
		"compromised": func(t *testing.T, f *rpctest.Fixture) {
			_, err := f.Admin.CompromiseSecrets(t.Context(), operator, "checker")
			must(t, err)
			must(t, f.Feed.Refresh(t.Context()))
		},
	} {
		f := newCheckerFixture(t)
		login := f.LogIn(t, "web")
		minted := func(client string, audience ...string) string {
			return f.Mint(t, client, &signetv1.MintRequest{Audience: audience}).GetTokens()[0].GetAccessToken()
		}
		elsewhere, own := minted("web", "api-es"), minted("checker")
		introspect := func(text string) (bool, error) {
			r, err := f.TokenService.Introspect(
				rpctest.WithAuthorization(t, "Bearer "+own), &signetv1.IntrospectRequest{Token: text},
			)
			return r.GetActive(), err
		}
		for text, want := range map[string]bool{
			login.GetAccessToken(): true, login.GetRefreshToken(): false, elsewhere: false, own: true, "x": false,
		} {
			if active, err := introspect(text); err != nil || active != want {
				t.Errorf("%.20s: active %v, %v, want %v", text, active, err, want)
			}
		}
		if line := f.Logs.Line(t, "call"); line["client_id"] != "checker" || line["sub"] != nil {
			t.Errorf("logged %v", line)
		}

		end(t, f)
		f.Poll(t)
		if _, err := introspect(login.GetAccessToken()); reason(err) != oauth.InvalidClient.Reason() {
			t.Errorf("%s: %v", name, err)
		}
	}
}
