package web

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/oauth"
)

// maxGatewayHeaders is the size of the headers of a question. It has those of
// the browser, with the cookies of the application.
const maxGatewayHeaders = 64 << 10

// GatewayOptions configures the handler for gateway.address. Every field is
// required, except where its comment says what the zero value means.
type GatewayOptions struct {
	Checker *browser.Checker
	Log     *slog.Logger
	// Requests bounds the requests in progress. Nil means no bound.
	Requests *connlimit.Requests
	// Observer counts and traces requests. Its fields may be nil.
	Observer Observer
}

// GatewayHandler returns the handler for gateway.address. It believes what
// gateways report about the requests of browsers, so nothing but gateways may
// reach it.
func GatewayHandler(o GatewayOptions) http.Handler {
	var handler http.Handler = gatewayHandler{o.Checker}
	if o.Requests != nil {
		handler = bounded(o.Requests, handler)
	}
	return middleware(o.Log, o.Observer, gatewayHeaders(handler))
}

// NewGatewayServer returns a server for the handler, as NewServer does.
func NewGatewayServer(handler http.Handler, maxStreams int, log *slog.Logger) *http.Server {
	s := NewServer(handler, maxStreams, log)
	s.MaxHeaderBytes = maxGatewayHeaders
	return s
}

// gatewayHeaders sets the headers of all answers to gateways. Some gateways
// pass an answer on to the browser. So it must not say that the origin of the
// application has TLS.
func gatewayHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header["Cache-Control"] = noStore
		delete(header, "Strict-Transport-Security")
		next.ServeHTTP(w, r)
	})
}

// Values of headers. They are variables, so that answers share them.
var (
	noStore          = []string{"no-store"}
	bearerChallenges = []string{bearerChallenge}
)

// loginHeader has the URL of the login page in the answers to nginx, which
// cannot pass on a redirect.
const loginHeader = "X-Signet-Login"

// A gatewayHandler answers whether a gateway may pass on a request. It does not
// use http.ServeMux, which redirects paths with two slashes: a gateway would
// send the browser there.
type gatewayHandler struct{ checker *browser.Checker }

func (h gatewayHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived(w) // it needs no body
	question, ok := parseGatewayPath(r.RequestURI)
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	r.Pattern = question.form.path
	request, ok := question.request(r)
	if !ok {
		http.Error(w, "The gateway must report the method, the URI, the scheme and the host of the request.",
			http.StatusForbidden)
		return
	}
	writeVerdict(w, r, question.form, h.checker.Check(r.Context(), request))
}

// writeVerdict writes the answer of a check.
func writeVerdict(w http.ResponseWriter, r *http.Request, form *gatewayForm, v browser.Verdict) {
	header := w.Header()
	if v.Status == http.StatusOK {
		// The gateway does not pass this answer on to the browser.
		clear(header)
		values := [2]string{v.Authorization, v.Cookie}
		header["Cache-Control"], header["Authorization"], header["Cookie"] = noStore, values[:1:1], values[1:]
		w.WriteHeader(http.StatusOK)
		return
	}

	record(w, func(res *response) {
		res.err = oauth.AsError(v.Err)
		if v.Status >= http.StatusInternalServerError {
			res.requestID = oauth.RequestID(r.Header["X-Request-Id"])
		}
	})
	if v.Location != "" {
		if !form.redirects {
			header[loginHeader] = []string{v.Location}
			v.Status = http.StatusUnauthorized
		} else {
			header["Location"] = []string{v.Location}
		}
	}
	if v.Status == http.StatusUnauthorized {
		header["Www-Authenticate"] = bearerChallenges
	}
	if v.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(v.RetryAfter.Seconds())))
	}
	w.WriteHeader(v.Status)
}
