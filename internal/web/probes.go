package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// A Check says whether one thing that the server needs is in order.
type Check struct {
	// Name is shown to callers; the error is for the log.
	Name string
	Err  func() error
}

// Checks are all that must be in order for the server to be ready.
type Checks []Check

// Ready returns the first fault, with its name, or nil.
func (cs Checks) Ready() error {
	for _, c := range cs {
		if err := c.Err(); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

const readyPattern = "GET /readyz"

// probes answers whether the process lives, which touches nothing, and whether it is ready.
func probes(mux *http.ServeMux, checks Checks, log *slog.Logger) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") })
	mux.HandleFunc(readyPattern, func(w http.ResponseWriter, r *http.Request) { readyz(w, r, checks, log) })
}

// readyz answers 200 or 503. With ?verbose it names the checks, but not what is wrong: that is for the log, at
// level debug, since probes ask often.
func readyz(w http.ResponseWriter, r *http.Request, checks Checks, log *slog.Logger) {
	status, last := http.StatusOK, "ok\n"
	var list strings.Builder
	for _, c := range checks {
		if err := c.Err(); err != nil {
			status, last = http.StatusServiceUnavailable, "not ready\n"
			log.Debug("not ready", "check", c.Name, "error", err)
			fmt.Fprintf(&list, "[-] %s failed\n", c.Name)
			continue
		}
		fmt.Fprintf(&list, "[+] %s ok\n", c.Name)
	}
	if r.URL.Query().Has("verbose") {
		last = list.String() + last
	}
	say(w, status, last)
}

// say writes a short text that nobody keeps.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}
