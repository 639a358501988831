package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// A Check reports whether one part of the server works.
type Check struct {
	// Name is the name of the part. Callers of /readyz see it.
	Name string
	// Err returns nil if the part works. Its error is only logged.
	Err func() error
}

// Checks are the checks that a ready server passes.
type Checks []Check

// Ready returns the error of the first check that fails, with the name of the
// check, or nil.
func (cs Checks) Ready() error {
	for _, c := range cs {
		if err := c.Err(); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

// Patterns of the probes.
const (
	livePattern  = "GET /livez"
	readyPattern = "GET /readyz"
)

// serveLive reports that the process runs. It does not run the checks.
func serveLive(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok\n") }

// A readyHandler reports whether the server is ready: 200 if all checks pass,
// else 503. With ?verbose it lists the checks by name, without their errors.
// It logs the errors at level debug, because probes call it often.
type readyHandler struct {
	checks Checks
	log    *slog.Logger
}

func (h readyHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, text := http.StatusOK, "ok\n"
	var list strings.Builder
	for _, c := range h.checks {
		if err := c.Err(); err != nil {
			status, text = http.StatusServiceUnavailable, "not ready\n"
			h.log.Debug("not ready", "check", c.Name, "error", err)
			fmt.Fprintf(&list, "[-] %s failed\n", c.Name)
			continue
		}
		fmt.Fprintf(&list, "[+] %s ok\n", c.Name)
	}
	if r.URL.Query().Has("verbose") {
		text = list.String() + text
	}
	writeText(w, status, text)
}

// writeText writes a text that must not be cached.
func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}
