package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// begin begins the span of a request, if anybody traces. Probes are not traced: they are asked for without end.
func (w Watch) begin(r *http.Request) (*http.Request, func(route string, status int)) {
	if w.Trace == nil || r.URL.Path == "/livez" || r.URL.Path == "/readyz" {
		return r, func(string, int) {}
	}
	ctx, ended := w.Trace(r)
	return r.WithContext(ctx), ended
}

// count counts a request that was answered, if anybody counts.
func (w Watch) count(r *http.Request, status int, took time.Duration) {
	if w.Count != nil {
		w.Count(routeOf(r), r.Method, statusText(status), took)
	}
}

// routeOf returns the path that a request was matched with, as it stands in our own list; empty for none.
func routeOf(r *http.Request) string {
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return r.Pattern
}

// statusText returns the digits of a status without making them anew for every answer.
func statusText(status int) string {
	switch status {
	case http.StatusOK:
		return "200"
	case http.StatusNotModified:
		return "304"
	}
	return strconv.Itoa(status)
}
