package rpc

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/oauth"
)

// The context extensions that an Envoy configuration sets for a route. The
// caller of a route cannot change them.
const (
	// audienceExtension is the audience of the service. Without it, it is the
	// client's default.
	audienceExtension = "audience"
	// optionalExtension is "true" if requests without a login pass, too.
	optionalExtension = "optional"
)

var errPublicGateway = errors.New("a public client may not ask about requests of browsers")

// AuthorizationService answers Envoy's questions about requests of browsers
// (envoy.service.auth.v3). Its callers are confidential clients.
type AuthorizationService struct {
	authv3.UnimplementedAuthorizationServer
	Checker *browser.Checker
}

// Check returns whether a request may pass, and with which headers.
func (s *AuthorizationService) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	if Caller(ctx).Client.Public {
		return nil, oauth.Refused(oauth.UnauthorizedClient, errPublicGateway)
	}
	v := s.Checker.Check(ctx, checkRequest(r.GetAttributes()))
	if v.Status == http.StatusOK {
		return passed(v), nil
	}
	return denied(v), nil
}

// checkRequest returns the request that a question is about.
func checkRequest(a *authv3.AttributeContext) browser.CheckRequest {
	r, extensions := a.GetRequest().GetHttp(), a.GetContextExtensions()
	header := headerOf(r)
	request := browser.CheckRequest{
		Audience: extensions[audienceExtension], Optional: extensions[optionalExtension] == "true",
		Method: r.GetMethod(), Proto: r.GetScheme(), Host: r.GetHost(), URI: r.GetPath(), Header: header,
	}
	if request.Audience == "" {
		request.Audience = browser.DefaultAudience
	}
	// Envoy sets this header, unless it trusts the proxy before it. The scheme
	// may be that of the connection from this proxy.
	if proto := header("X-Forwarded-Proto"); len(proto) > 0 {
		request.Proto = strings.Join(proto, ",")
	}
	return request
}

// headerOf returns a function that returns the values of a header. By default
// Envoy joins the values of each header with commas. With encode_raw_headers it
// does not.
func headerOf(r *authv3.AttributeContext_HttpRequest) func(name string) []string {
	return func(name string) (values []string) {
		name = strings.ToLower(name)
		if value, ok := r.GetHeaders()[name]; ok {
			values = append(values, value)
		}
		for _, h := range r.GetHeaderMap().GetHeaders() {
			if h.GetKey() != name {
				continue
			}
			if raw := h.GetRawValue(); len(raw) > 0 {
				values = append(values, string(raw))
			} else {
				values = append(values, h.GetValue())
			}
		}
		return values
	}
}

// passed returns the answer for a request that passes. Both headers replace
// those of the browser. An empty one is removed, because Envoy's messages do
// not promise that it sets a header without a value.
func passed(v browser.Verdict) *authv3.CheckResponse {
	ok := new(authv3.OkHttpResponse)
	for _, h := range [...]struct{ name, value string }{{"authorization", v.Authorization}, {"cookie", v.Cookie}} {
		if h.value == "" {
			ok.HeadersToRemove = append(ok.HeadersToRemove, h.name)
		} else {
			ok.Headers = append(ok.Headers, headerOption(h.name, h.value))
		}
	}
	return &authv3.CheckResponse{
		Status:       &statuspb.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok},
	}
}

// deniedCodes are the gRPC codes of denied requests, by HTTP status. Envoy uses
// the HTTP status for the browser.
var deniedCodes = map[int]codes.Code{
	http.StatusFound:              codes.Unauthenticated,
	http.StatusUnauthorized:       codes.Unauthenticated,
	http.StatusForbidden:          codes.PermissionDenied,
	http.StatusServiceUnavailable: codes.Unavailable,
}

// denied returns the answer for a request that does not pass. Envoy sends its
// status and headers to the browser.
func denied(v browser.Verdict) *authv3.CheckResponse {
	headers := []*corev3.HeaderValueOption{headerOption("cache-control", "no-store")}
	if v.Location != "" {
		headers = append(headers, headerOption("location", v.Location))
	}
	if v.Status == http.StatusUnauthorized { // RFC 9110 §15.5.2
		headers = append(headers, headerOption("www-authenticate", `Bearer realm="signet"`))
	}
	if v.RetryAfter > 0 {
		headers = append(headers, headerOption("retry-after", strconv.Itoa(int(v.RetryAfter.Seconds()))))
	}
	return &authv3.CheckResponse{
		Status: &statuspb.Status{Code: int32(deniedCodes[v.Status])},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(v.Status)}, Headers: headers,
		}},
	}
}

// headerOption returns a header that replaces all of its name.
func headerOption(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}
