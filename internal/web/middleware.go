package web

import (
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// securityHeaders are the headers of every response. All responses share the
// slices, so a handler must not change a value in place. Header.Add copies the
// slice, because it has no spare capacity.
var securityHeaders = http.Header{
	"X-Content-Type-Options":  {"nosniff"},
	"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
	"Referrer-Policy":         {"no-referrer"},
	"X-Frame-Options":         {"DENY"},
}

// middleware wraps the handler of all requests. It sets the security headers,
// turns a panic into status 500, reports to the observer, and writes one log
// line for each request.
func middleware(log *slog.Logger, observer Observer, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, res := time.Now(), &response{ResponseWriter: w}
		header := w.Header()
		for name, values := range securityHeaders {
			header[name] = values
		}
		if r.TLS != nil { // RFC 6797 §7.2 forbids this header over plain text
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}

		r, endSpan := observer.startSpan(r)
		complete := serveRecovered(log, res, r, next)
		took := time.Since(start)
		endSpan(routeOf(r), res.status)
		observer.count(r, res.status, took)
		logRequest(log, res, r, took, complete)

		if !complete {
			// This is the only way to make net/http close the connection, so
			// that the caller sees an incomplete response.
			panic(http.ErrAbortHandler)
		}
	})
}

// serveRecovered runs the handler. If the handler panics before it has written
// anything, the response is status 500. complete is false if the handler has
// stopped in the middle of a response.
func serveRecovered(log *slog.Logger, res *response, r *http.Request, next http.Handler) (complete bool) {
	defer func() {
		switch cause := recover(); {
		case cause == nil:
			complete = true
		case cause == http.ErrAbortHandler:
		default:
			logPanic(log, r, cause)
			if complete = res.status == 0; complete {
				res.Header().Set("Cache-Control", "no-store")
				res.Header().Del("Content-Encoding")
				res.Header().Del("Content-Length")
				writeErrorStatus(res, http.StatusInternalServerError, oauth.Refused(oauth.ServerError, nil))
			}
		}
	}()
	next.ServeHTTP(res, r)
	if res.status == 0 {
		res.status = http.StatusOK // the default of net/http
	}
	return true
}

// logRequest writes the log line of a request. The line has the route instead
// of the path, because callers put secrets into paths.
func logRequest(log *slog.Logger, res *response, r *http.Request, took time.Duration, complete bool) {
	level := levelOf(res, r.Pattern, complete)
	if !log.Enabled(r.Context(), level) {
		return
	}

	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", r.Pattern), slog.Int("code", res.status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.String("peer", r.RemoteAddr),
	}
	if res.requestID != "" {
		attrs = append(attrs, slog.String("request_id", res.requestID), slog.String("origin", originText(res.origin)))
	}
	if res.clientID != "" {
		attrs = append(attrs, slog.String("client_id", res.clientID))
	}
	if res.err != nil {
		attrs = append(attrs, res.err.Attrs()...)
	}
	log.LogAttrs(r.Context(), level, "http request", attrs...)
}

// originText returns the text of an origin in the log.
func originText(origin netip.Addr) string {
	if !origin.IsValid() {
		return "unknown"
	}
	return origin.String()
}

// levelOf returns the level of a request's log line. It is the same as for a
// gRPC call. Successful requests, and all requests that need no credentials,
// have level debug: there are thousands of them each second, and metrics count
// them.
func levelOf(res *response, route string, complete bool) slog.Level {
	switch {
	case res.err != nil && res.err.Code == oauth.ServerError:
		return slog.LevelError
	// A failed readiness probe is not a warning: probes are frequent, and the
	// part that fails logs its error once.
	case res.status >= http.StatusInternalServerError && route != readyPattern, !complete:
		return slog.LevelWarn
	case res.status >= http.StatusBadRequest && res.requestID != "":
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// logPanic logs the stack of a panic. It logs the panic value only if it is a
// runtime.Error, because other values may contain data of the caller.
func logPanic(log *slog.Logger, r *http.Request, cause any) {
	attrs := []any{"route", r.Pattern, "stack", string(debug.Stack())}
	if fault, ok := cause.(runtime.Error); ok {
		attrs = append(attrs, "error", fault.Error())
	}
	log.Error("panic in an HTTP handler", attrs...)
}
