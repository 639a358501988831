package web

import (
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"
)

// onAll is the header that all answers have. Nobody changes its values; to add one to an answer makes a copy.
var onAll = http.Header{
	"X-Content-Type-Options":  {"nosniff"},
	"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
	"Referrer-Policy":         {"no-referrer"},
	"X-Frame-Options":         {"DENY"},
}

// guard stands before every handler: the headers that all answers carry, 500 for a panic, one log line per request. The line
// has the route and not the path, because callers put secrets into paths.
func guard(log *slog.Logger, watch Watch, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, a := time.Now(), &answer{ResponseWriter: w, level: slog.LevelDebug}
		h := w.Header()
		for name, values := range onAll {
			h[name] = values
		}
		if r.TLS != nil { // RFC 6797 §7.2: never over plain text
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r, traced := watch.begin(r)
		whole := attempt(log, a, r, next)
		took := time.Since(began)
		traced(routeOf(r), a.status)
		watch.count(r, a.status, took)
		level := a.level
		// A probe that says no is an answer, asked for again and again: what is wrong is logged once by the part that knows.
		if (a.status >= http.StatusInternalServerError && r.Pattern != readyPattern) || !whole {
			level = max(level, slog.LevelWarn)
		}
		if log.Enabled(r.Context(), level) {
			log.LogAttrs(r.Context(), level, "http request", append([]slog.Attr{
				slog.String("method", r.Method), slog.String("route", r.Pattern), slog.Int("code", a.status),
				slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.String("peer", r.RemoteAddr),
			}, a.notes...)...)
		}
		if !whole {
			panic(http.ErrAbortHandler) // the one way to break an answer off
		}
	})
}

// attempt runs the handler, turns its panic into 500, and says whether the answer is whole: half of one may be out already.
func attempt(log *slog.Logger, a *answer, r *http.Request, next http.Handler) (whole bool) {
	defer func() {
		switch cause := recover(); {
		case cause == nil:
			whole = true
		case cause == http.ErrAbortHandler:
		default:
			logPanic(log, r, cause)
			if whole = a.status == 0; whole {
				a.Header().Set("Cache-Control", "no-store")
				http.Error(a, "Something went wrong inside the issuer.", http.StatusInternalServerError)
			}
		}
	}()
	next.ServeHTTP(a, r)
	if a.status == 0 {
		a.status = http.StatusOK // as net/http will say
	}
	return true
}

// logPanic writes where the panic was. What it was is written only if the runtime said it, since other words could hold what
// somebody sent.
func logPanic(log *slog.Logger, r *http.Request, cause any) {
	attrs := []any{"route", r.Pattern, "stack", string(debug.Stack())}
	if fault, ok := cause.(runtime.Error); ok {
		attrs = append(attrs, "error", fault.Error())
	}
	log.Error("panic in an HTTP handler", attrs...)
}

// An answer remembers its status, and what the log line will say beside it.
type answer struct {
	http.ResponseWriter
	status int
	level  slog.Level
	notes  []slog.Attr
}

// note adds to the log line of the request that is answered through w, and makes it one of that level at least.
func note(w http.ResponseWriter, level slog.Level, attrs ...slog.Attr) {
	if a, ok := w.(*answer); ok {
		a.level, a.notes = max(a.level, level), append(a.notes, attrs...)
	}
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
