package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/signetd/signet/internal/browser"
)

// A gatewayForm is a form in which gateways ask about requests.
type gatewayForm struct {
	// path is the beginning of its paths. An audience follows.
	path string
	// redirects is true if the gateway passes on the status 302.
	redirects bool
	// own is true if the method and the host are those of the question itself,
	// and the URI follows the audience. Otherwise the gateway reports them in
	// headers.
	own bool
}

// gatewayForms are all forms.
var gatewayForms = []gatewayForm{
	{path: "/auth-request/"},                          // nginx
	{path: "/forward-auth/", redirects: true},         // Traefik, Caddy, HAProxy
	{path: "/ext-authz/", redirects: true, own: true}, // Envoy
}

// optionalPath comes before the path of a form, for services that also accept
// requests without a login.
const optionalPath = "/optional"

// A gatewayQuestion is the path of a question.
type gatewayQuestion struct {
	form     *gatewayForm
	audience string
	optional bool
	// uri is what follows the audience.
	uri string
}

// parseGatewayPath reads the target of a question, as the gateway has sent it.
// The URI of the browser in it may have any form. Where none follows, the
// audience may have slashes: some gateways cannot send an encoded one.
func parseGatewayPath(target string) (q gatewayQuestion, ok bool) {
	rest, optional := strings.CutPrefix(target, optionalPath)
	for i := range gatewayForms {
		form := &gatewayForms[i]
		after, found := strings.CutPrefix(rest, form.path)
		if !found {
			continue
		}
		end := "?" // of the audience
		if form.own {
			end = "/?"
		}
		audience, uri := after, ""
		if at := strings.IndexAny(after, end); at >= 0 {
			audience, uri = after[:at], after[at:]
		}
		if strings.Contains(audience, "%") {
			var err error
			if audience, err = url.PathUnescape(audience); err != nil {
				return q, false
			}
		}
		ok = audience != ""
		return gatewayQuestion{form, audience, optional, uri}, ok
	}
	return q, false
}

// request returns the request that the question is about. ok is false if the
// gateway does not report all of it.
func (q gatewayQuestion) request(r *http.Request) (request browser.CheckRequest, ok bool) {
	request = browser.CheckRequest{
		Audience: q.audience, Optional: q.optional, Method: r.Method, Host: r.Host, URI: q.uri,
		Header: func(name string) []string { return r.Header[name] },
	}
	if request.Proto, ok = only(r, "X-Forwarded-Proto"); !ok || q.form.own {
		return request, ok
	}
	for _, f := range [...]struct {
		value *string
		name  string
	}{
		{&request.Method, "X-Forwarded-Method"}, {&request.URI, "X-Forwarded-Uri"}, {&request.Host, "X-Forwarded-Host"},
	} {
		if *f.value, ok = only(r, f.name); !ok {
			return request, false
		}
	}
	return request, true
}

// only returns the value of a header that occurs once and is not empty.
func only(r *http.Request, name string) (value string, ok bool) {
	values := r.Header[name]
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}
