package client

import (
	"strings"
	"testing"
)

func TestValidOrigin(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://shop.example":          true,
		"https://shop.example:8443":     true,
		"https://shop.example:80":       true,
		"https://shop":                  true,
		"https://xn--bcher-kva.example": true,
		"https://192.0.2.7":             true,
		"https://[2001:db8::1]":         true,
		"https://[2001:db8::1]:8443":    true,
		"https://localhost:8443":        true,
		"https://1.example":             true,
		"http://localhost":              true,
		"http://localhost:5173":         true,
		"http://localhost:443":          true,
		"http://shop.localhost:5173":    true,
		"http://127.0.0.1:8001":         true,
		"http://127.8.0.1":              true,
		"http://[::1]:8001":             true,

		"":                                    false,
		"null":                                false,
		"*":                                   false,
		"https://*.shop.example":              false,
		"https://shop.example/":               false,
		"https://shop.example/path":           false,
		"https://shop.example?a":              false,
		"https://shop.example#a":              false,
		"https://user@shop.example":           false,
		"https://user:secret@shop.example":    false,
		"https://Shop.example":                false,
		"HTTPS://shop.example":                false,
		"https://shop.example:443":            false,
		"https://shop.example:":               false,
		"https://shop.example:0":              false,
		"https://shop.example:08443":          false,
		"https://shop.example:+1":             false,
		"https://shop.example:65536":          false,
		"https://shop.example:a":              false,
		"https://shop.example:1:2":            false,
		"https://shop.example.":               false,
		"https://bücher.example":              false,
		"https://shop.example https://a.test": false,
		" https://shop.example":               false,
		"https://shop.example\n":              false,
		"https://":                            false,
		"https://:8443":                       false,
		"https://127.1":                       false,
		"https://127.0.0.01":                  false,
		"https://0x7f.0.0.1":                  false,
		"https://shop.0x7f":                   false,
		"https://shop.0x":                     false,
		"https://2130706433":                  false,
		"https://2001:db8::1":                 false,
		"https://[2001:DB8::1]":               false,
		"https://[2001:db8:0::1]":             false,
		"https://[fe80::1%25eth0]":            false,
		"https://[fe80::1%eth0]":              false,
		"https://[::ffff:127.0.0.1]":          false,
		"https://[192.0.2.7]":                 false,
		"https://[2001:db8::1":                false,
		"https://[2001:db8::1]8443":           false,
		"https://[2001:db8::1]:443":           false,
		"http://shop.example":                 false,
		"http://localhost:80":                 false,
		"http://localhost.example":            false,
		"http://notlocalhost":                 false,
		"http://192.0.2.7":                    false,
		"http://[2001:db8::1]":                false,
		"http://0.0.0.0:8001":                 false,
		"ftp://localhost":                     false,
		"localhost:5173":                      false,
	} {
		if ValidOrigin(origin) != want {
			t.Errorf("%q: %v", origin, !want)
		}
	}

	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, label[:61]}, ".")
	if origin := "https://" + longest + ":65535"; !ValidOrigin(origin) || len(origin) != MaxOrigin {
		t.Errorf("the longest origin has %d bytes, want %d", len(origin), MaxOrigin)
	}
	if ValidOrigin("https://a" + longest) {
		t.Error("a host name of 254 bytes is valid")
	}
}
