package browser_test

import (
	"strings"
	"testing"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
)

const (
	https = "https://shop.example"
	local = "http://localhost:5173"
)

// Statement 23 of docs/browser.md: only a loopback origin with http has cookies
// whose names have no prefix.
func TestCookieName_HasThePrefixUnlessTheOriginIsPlain(t *testing.T) {
	shop := client.Client{ID: "shop"}
	for got, want := range map[string]string{
		browser.CookieName(shop, https):                    "__Host-Http-signet-shop",
		browser.CookieName(shop, local):                    "signet-shop",
		browser.CookieName(shop, ""):                       "__Host-Http-signet-shop",
		browser.CookieName(shop, "HTTP://localhost"):       "__Host-Http-signet-shop",
		browser.DeviceCookieName(https):                    "__Host-Http-signet-device",
		browser.DeviceCookieName(local):                    "signet-device",
		browser.DeviceCookieName("https://localhost:5173"): "__Host-Http-signet-device",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Statement 15 of docs/browser.md: a cookie that occurs twice, or whose name
// only looks like that of the server, is not read.
func TestReadCookie(t *testing.T) {
	const name = "__Host-Http-signet-shop"
	long := strings.Repeat("x", 1<<20)
	for header, want := range map[string]string{
		name + "=abc":                                    "abc",
		"a=1; " + name + "=abc; b=2":                     "abc",
		"a=1;" + name + "=abc":                           "abc",
		" \t" + name + " = abc \t":                       "abc",
		name + "=a=b":                                    "a=b",
		name + "=":                                       "",
		name:                                             "",
		"":                                               "",
		";;; ;":                                          "",
		"=" + name + "=abc":                              "",
		name + "=abc; " + name + "=abc":                  "",
		name + "=abc; " + name + "=evil":                 "",
		name + "=; " + name + "=evil":                    "",
		name + "=abc; x=" + name + "=evil":               "abc",
		"\u2000" + name + "=evil":                        "",
		name + "\u2000=evil":                             "",
		"\u00a0" + name + "=evil":                        "",
		"\v" + name + "=evil":                            "",
		"$Version=1," + name + "=evil":                   "",
		"$Version=1, " + name + "=evil":                  "",
		"$Version=1; " + name + "=abc; $Path=/":          "abc",
		"a=1, " + name + "=evil":                         "",
		"a=1," + name + "=evil":                          "",
		`a="; ` + name + `=abc; b="`:                     "abc",
		name + `="abc"`:                                  `"abc"`,
		name + "=abc, " + name + "=evil":                 "abc, " + name + "=evil",
		strings.ToLower(name) + "=evil":                  "",
		strings.ToUpper(name) + "=evil":                  "",
		"signet-shop=evil":                               "",
		"__Host-signet-shop=evil":                        "",
		name + "2=evil":                                  "",
		"x" + name + "=evil":                             "",
		"%5F" + name[1:] + "=evil":                       "",
		name + "=" + long:                                long,
		strings.Repeat("a=1; ", 100_000) + name + "=abc": "abc",
	} {
		if got := browser.ReadCookie([]string{header}, name); got != want {
			t.Errorf("%.80q: got %.80q, want %.80q", header, got, want)
		}
	}

	if got := browser.ReadCookie([]string{"a=1", name + "=abc", "b=2"}, name); got != "abc" {
		t.Errorf("several headers: got %q", got)
	}
	if got := browser.ReadCookie([]string{name + "=abc", name + "=abc"}, name); got != "" {
		t.Errorf("the same cookie in two headers: got %q", got)
	}
}

func TestStripCookies_RemovesOnlyTheCookiesOfTheServer(t *testing.T) {
	const name = "__Host-Http-signet-shop"
	for _, c := range []struct{ header, https, local string }{
		{"", "", ""},
		{name + "=abc", "", ""},
		{"a=1; " + name + "=abc; b=2", "a=1; b=2", "a=1; b=2"},
		{"a=1;b=2", "a=1; b=2", "a=1; b=2"},
		{name + "=abc; __Host-Http-signet-device=d; __Host-Http-signet-other=o; a=1", "a=1", "a=1"},
		{"signet-shop=abc; Signet-device=d; a=1", "signet-shop=abc; Signet-device=d; a=1", "a=1"},
		{"theme=signet-blue", "theme=signet-blue", "theme=signet-blue"},
		{"\u2000" + name + "=x; a=1", "a=1", "a=1"},
		{"$Version=1," + name + "=x; a=1", "a=1", "a=1"},
		{"a=1, " + name + "=x; b=2", "b=2", "b=2"},
		{strings.ToLower(name) + "=x; a=1", "a=1", "a=1"},
		{"=" + name + "=x; a=1", "a=1", "a=1"},
		{name + "; a", "a", "a"},
		{`a="x y"; b=ü`, `a="x y"; b=ü`, `a="x y"; b=ü`},
		{name + "=abc; " + name + "=evil", "", ""},
	} {
		if got := browser.StripCookies([]string{c.header}, https); got != c.https {
			t.Errorf("%q with https: got %q, want %q", c.header, got, c.https)
		}
		if got := browser.StripCookies([]string{c.header}, local); got != c.local {
			t.Errorf("%q with http: got %q, want %q", c.header, got, c.local)
		}
	}
	if got := browser.StripCookies([]string{"a=1", name + "=x", "b=2"}, https); got != "a=1; b=2" {
		t.Errorf("several headers: got %q", got)
	}
}
