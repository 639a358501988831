package browser_test

import (
	"strings"
	"testing"

	"github.com/signetd/signet/internal/browser"
)

// Statement 19 of docs/browser.md: a path to return to never leads to another
// site.
func TestReturnTo_StaysOnTheOrigin(t *testing.T) {
	long := "/" + strings.Repeat("a", 2047)
	for path, want := range map[string]string{
		"/":                       "/",
		"/orders?a=1&b=%20#x":     "/orders?a=1&b=%20#x",
		"/a//b":                   "/a//b",
		`/a\b`:                    `/a\b`,
		long:                      long,
		long + "a":                "/",
		"":                        "/",
		"orders":                  "/",
		"//evil.example":          "/",
		"///evil.example":         "/",
		`/\evil.example`:          "/",
		`\/evil.example`:          "/",
		`\\evil.example`:          "/",
		"https://evil.example":    "/",
		"https:/evil.example":     "/",
		"javascript:alert(1)":     "/",
		"/\t/evil.example":        "/",
		"/\r\nLocation: //evil":   "/",
		"/%0d%0aLocation: //evil": "/",
		"/%0d%0aLocation://evil":  "/%0d%0aLocation://evil",
		" //evil.example":         "/",
		"/\x00":                   "/",
		"/\u2028":                 "/",
		"/ü":                      "/",
	} {
		if got := browser.ReturnTo(path); got != want {
			t.Errorf("%.60q: got %.60q, want %.60q", path, got, want)
		}
	}
}
