package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/issuertest"
)

func TestProbes(t *testing.T) {
	logs := new(issuertest.Logs)
	fault := errors.New("dial db.internal: refused")
	checks := Checks{{"keys", func() error { return nil }}, {"directory", func() error { return fault }}}

	for name, base := range map[string]string{
		"http": serve(t, newHandler(t, Options{Checks: checks, Log: logs.Logger()})),
		"ops":  serve(t, OpsHandler(checks, http.NotFoundHandler(), logs.Logger())),
	} {
		probe := func(path string, status int, want string) {
			t.Helper()
			r, body := do(t, http.MethodGet, base+path, nil)
			if r.StatusCode != status || string(body) != want || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: got %d %q %v, want %d %q", name, path, r.StatusCode, body, r.Header, status, want)
			}
		}
		fault = errors.New("dial db.internal: refused")
		logs.Reset()

		probe("/livez", http.StatusOK, "ok\n")
		if text := logs.Text(); strings.Contains(text, "not ready") {
			t.Errorf("%s: /livez has run the checks: %s", name, text)
		}

		const line = `"level":"DEBUG","msg":"not ready","check":"directory","error":"dial db.internal: refused"`
		probe("/readyz", http.StatusServiceUnavailable, "not ready\n")
		if text := logs.Text(); !strings.Contains(text, line) {
			t.Errorf("%s: the log does not have the cause: %s", name, text)
		} else if strings.Contains(text, "WARN") {
			t.Errorf("%s: a failed probe logs a warning: %s", name, text)
		}
		probe("/readyz?verbose", http.StatusServiceUnavailable, "[+] keys ok\n[-] directory failed\nnot ready\n")
		if err := checks.Ready(); !errors.Is(err, fault) || !strings.Contains(err.Error(), "directory") {
			t.Errorf("Ready: got error %v", err)
		}

		fault = nil
		probe("/readyz", http.StatusOK, "ok\n")
		probe("/readyz?verbose", http.StatusOK, "[+] keys ok\n[+] directory ok\nok\n")
		if err := checks.Ready(); err != nil {
			t.Errorf("Ready: got error %v", err)
		}
	}
}
