package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Observer counts and traces requests. A nil field disables its part.
type Observer struct {
	// Count counts a request. route is the path of the pattern that matched,
	// or empty if none did. code is the status.
	Count func(route, method, code string, took time.Duration)
	// Trace starts the span of a request and returns the context of the span
	// and the function that ends it.
	Trace func(*http.Request) (context.Context, func(route string, status int))
}

// startSpan starts the span of a request. It returns the request with the
// context of the span, and the function that ends the span. It does not trace
// probes, because they are frequent.
func (o Observer) startSpan(r *http.Request) (*http.Request, func(route string, status int)) {
	if o.Trace == nil || r.URL.Path == "/livez" || r.URL.Path == "/readyz" {
		return r, func(string, int) {}
	}
	ctx, end := o.Trace(r)
	return r.WithContext(ctx), end
}

// count counts a request with its status.
func (o Observer) count(r *http.Request, status int, took time.Duration) {
	if o.Count != nil {
		o.Count(routeOf(r), r.Method, statusText(status), took)
	}
}

// routeOf returns the path of the pattern that matched the request, or an empty
// string if none did.
func routeOf(r *http.Request) string {
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return r.Pattern
}

// statusText returns the digits of a status. It does not allocate for the most
// frequent ones.
func statusText(status int) string {
	switch status {
	case http.StatusOK:
		return "200"
	case http.StatusNotModified:
		return "304"
	}
	return strconv.Itoa(status)
}
