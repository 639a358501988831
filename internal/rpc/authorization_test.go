package rpc_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/rpctest"
	"github.com/signetd/signet/internal/token"
)

// An envoy asks as Envoy does, with the messages and the client of its project.
type envoy struct {
	*rpctest.Fixture
	service authv3.AuthorizationClient
	// cookie is that of a session of the client shop.
	cookie string
}

func newEnvoy(t *testing.T) *envoy {
	t.Helper()
	f := rpctest.New(t, rpctest.Options{})
	e := &envoy{Fixture: f, service: authv3.NewAuthorizationClient(f.Conn)}
	shop := f.Register(t, client.Client{
		ID: "shop", Public: true, Audiences: []string{"api-ed"}, Scope: oauth.NewScope("read"),
		Browser: &client.Browser{Way: client.WaySession, Origins: []string{"https://shop.example"}},
	})
	handle, now := token.NewHandle(), f.Registry.Now()
	user, err := f.Store.User(t.Context(), rpctest.Username)
	must(t, err)
	g := f.Grants.New(shop.Client, user.ID, handle.GrantID(), now)
	g.Audience, g.Scope, g.AuthTime = []string{"api-ed"}, oauth.NewScope("read"), now
	g.MACKey, _, err = f.Keys.CurrentMAC()
	must(t, err)
	must(t, f.Grants.Create(t.Context(), shop, g, user.Epoch))
	text, err := f.Grants.SessionToken(t.Context(), g, handle)
	must(t, err)
	e.cookie = "__Host-Http-signet-shop=" + text
	return e
}

// ask asks about a request with these headers, whose names are in lower case.
func (e *envoy) ask(
	t *testing.T, headers map[string]string, edit ...func(*authv3.AttributeContext),
) (*authv3.CheckResponse, error) {
	t.Helper()
	a := &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
		Method: http.MethodGet, Scheme: "https", Host: "shop.example", Path: "//evil.example/a?b=c", Headers: headers,
	}}}
	for _, f := range edit {
		f(a)
	}
	return e.service.Check(e.As(t, "web"), &authv3.CheckRequest{Attributes: a})
}

// rawHeaders sends the headers as Envoy does with encode_raw_headers.
func rawHeaders(a *authv3.AttributeContext) {
	h := a.GetRequest().GetHttp()
	h.HeaderMap = new(corev3.HeaderMap)
	for name, value := range h.GetHeaders() {
		h.HeaderMap.Headers = append(h.HeaderMap.Headers,
			&corev3.HeaderValue{Key: name, RawValue: []byte(value)})
	}
	h.Headers = nil
}

// headersOf returns the headers of an answer, by name.
func headersOf(all []*corev3.HeaderValueOption) map[string]string {
	found := map[string]string{}
	for _, h := range all {
		if h.GetAppendAction() == corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			found[h.GetHeader().GetKey()] = h.GetHeader().GetValue()
		}
	}
	return found
}

// Statement 17 of docs/browser.md, for Envoy's gRPC API: a request that passes
// has both headers replaced, or removed if nothing is left of them.
func TestAuthorization_PassesASession(t *testing.T) {
	e := newEnvoy(t)
	for cookie, rest := range map[string]string{e.cookie: "", "a=1; " + e.cookie + "; b=2": "a=1; b=2"} {
		headers := map[string]string{"cookie": cookie, "authorization": "Bearer forged"}
		for name, edit := range map[string]func(*authv3.AttributeContext){
			"joined": func(*authv3.AttributeContext) {}, "raw": rawHeaders,
		} {
			response, err := e.ask(t, headers, edit)
			must(t, err)
			ok := response.GetOkResponse()
			got, removed := headersOf(ok.GetHeaders()), ok.GetHeadersToRemove()
			if response.GetStatus().GetCode() != int32(codes.OK) || got["cookie"] != rest ||
				!strings.HasPrefix(got["authorization"], "Bearer eyJ") ||
				slices.Equal(removed, []string{"cookie"}) != (rest == "") {
				t.Errorf("%s: %v", name, response)
			}
		}
	}

	response, err := e.ask(t, map[string]string{"authorization": "Bearer forged"}, func(a *authv3.AttributeContext) {
		a.ContextExtensions = map[string]string{"optional": "true"}
	})
	must(t, err)
	if r := response.GetOkResponse(); len(r.GetHeaders()) > 0 ||
		!slices.Equal(r.GetHeadersToRemove(), []string{"authorization", "cookie"}) {
		t.Errorf("an optional login: %v", response)
	}
}

// A request that does not pass gets the status for the browser.
func TestAuthorization_Denies(t *testing.T) {
	e := newEnvoy(t)
	for name, c := range map[string]struct {
		headers map[string]string
		edit    func(*authv3.AttributeContext)
		status  int
		code    codes.Code
	}{
		"page": {headers: map[string]string{"sec-fetch-mode": "navigate"}, status: 302, code: codes.Unauthenticated},
		"API":  {headers: map[string]string{"sec-fetch-mode": "cors"}, status: 401, code: codes.Unauthenticated},
		"empty": {
			edit:   func(a *authv3.AttributeContext) { a.Request = nil },
			status: 403, code: codes.PermissionDenied,
		},
		"foreign host": {
			headers: map[string]string{"cookie": e.cookie},
			edit:    func(a *authv3.AttributeContext) { a.GetRequest().GetHttp().Host = "evil.example" },
			status:  403, code: codes.PermissionDenied,
		},
		"plain text": {
			headers: map[string]string{"cookie": e.cookie, "x-forwarded-proto": "http"},
			status:  403, code: codes.PermissionDenied,
		},
		"another audience": {
			headers: map[string]string{"cookie": e.cookie},
			edit: func(a *authv3.AttributeContext) {
				a.ContextExtensions = map[string]string{"audience": "api"}
			},
			status: 403, code: codes.PermissionDenied,
		},
		"WebSocket": { // Statement 18 of docs/browser.md
			headers: map[string]string{
				"cookie": e.cookie, "sec-websocket-key": "x", "origin": "https://evil.shop.example",
			},
			status: 403, code: codes.PermissionDenied,
		},
	} {
		if c.edit == nil {
			c.edit = func(*authv3.AttributeContext) {}
		}
		response, err := e.ask(t, c.headers, c.edit)
		must(t, err)
		denied := response.GetDeniedResponse()
		got := headersOf(denied.GetHeaders())
		if int(denied.GetStatus().GetCode()) != c.status || response.GetStatus().GetCode() != int32(c.code) ||
			got["cache-control"] != "no-store" || (got["location"] != "") != (c.status == 302) {
			t.Errorf("%s: %v", name, response)
		}
		// Statement 19 of docs/browser.md.
		if to := got["location"]; to != "" && to != "https://shop.example/login?return_to=%2F" {
			t.Errorf("%s: %s", name, to)
		}
	}
}

// Only confidential clients may ask.
func TestAuthorization_Callers(t *testing.T) {
	e := newEnvoy(t)
	for name, c := range map[string]struct {
		ctx  context.Context
		want codes.Code
	}{
		"no credentials": {rpctest.Context(t), codes.Unauthenticated},
		"public":         {rpctest.WithAuthorization(t, rpctest.Basic("spa", "")), codes.PermissionDenied},
		"wrong secret":   {rpctest.WithAuthorization(t, rpctest.Basic("web", "x")), codes.Unauthenticated},
	} {
		_, err := e.service.Check(c.ctx, &authv3.CheckRequest{})
		if status.Code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A request with many cookies of the application passes. One that is too large
// for a message is an error, which Envoy denies.
func TestAuthorization_LargeCookies(t *testing.T) {
	e := newEnvoy(t)
	response, err := e.ask(t, map[string]string{"cookie": "a=" + strings.Repeat("x", 56<<10) + "; " + e.cookie})
	must(t, err)
	if got := headersOf(response.GetOkResponse().GetHeaders()); len(got["cookie"]) != 56<<10+2 {
		t.Errorf("%d bytes of cookies are left", len(got["cookie"]))
	}
	_, err = e.ask(t, map[string]string{"cookie": "a=" + strings.Repeat("x", 64<<10) + "; " + e.cookie})
	if status.Code(err) != codes.ResourceExhausted {
		t.Error(err)
	}
}
