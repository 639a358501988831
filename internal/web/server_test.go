package web

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Rule 65: Requests with large headers are refused, and every timeout is set.
func TestRule65_ServerLimits(t *testing.T) {
	base := serve(t, newHandler(t, Options{}))
	r, _ := do(t, http.MethodGet, base+"/livez", http.Header{"X-Long": {strings.Repeat("x", 32<<10)}})
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 32 KiB: got status %d, want 431", r.StatusCode)
	}
	s := NewServer(http.NotFoundHandler(), 250, slog.New(slog.DiscardHandler))
	if slices.Contains([]time.Duration{s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout}, 0) {
		t.Error("a timeout is not set")
	}
}
