package client

import (
	"strings"
	"testing"
)

func TestValidLoginPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/":                 true,
		"/login":            true,
		"/a/login.html":     true,
		"/anmelden%C3%BC":   true,
		"/a%2Fb":            true,
		"/a//b":             true,
		"/@user:8080":       true,
		"":                  false,
		"login":             false,
		"//evil.example":    false,
		`/\evil.example`:    false,
		`/a\b`:              false,
		"/login?a=b":        false,
		"/login?":           false,
		"/login#a":          false,
		"/login\r\nX: y":    false,
		"/\t/evil.example":  false,
		"/a b":              false,
		"/a\x7f":            false,
		"/ü":                false,
		"/%zz":              false,
		"/a\"b":             false,
		"https://a.example": false,
		"/" + strings.Repeat("a", MaxLoginPath-1): true,
		"/" + strings.Repeat("a", MaxLoginPath):   false,
	} {
		if ValidLoginPath(path) != want {
			t.Errorf("%.40q: %v", path, !want)
		}
	}
}

func TestValidBrowserID(t *testing.T) {
	for id, want := range map[string]bool{
		"shop":                  true,
		"A.b_c-9":               true,
		"devices":               true,
		strings.Repeat("a", 64): true,
		strings.Repeat("a", 65): false,
		"":                      false,
		"device":                false,
		"Device":                false,
		"https://api.example":   false,
		"a=b":                   false,
		"a;b":                   false,
		"a b":                   false,
		"ä":                     false,
	} {
		if ValidBrowserID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}
