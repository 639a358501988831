package keys

import (
	"strings"
	"testing"
)

func TestParseIssuer(t *testing.T) {
	for identifier, path := range map[string]string{
		"https://login.example.com":                     "",
		"https://login.example.com/":                    "/",
		"https://example.org/tenants/a/":                "/tenants/a/",
		"https://example.org/tenants/a":                 "/tenants/a",
		"https://example.org:8443/tenant/one":           "/tenant/one",
		"http://127.0.0.1:8080":                         "",
		"http://localhost:8080/a":                       "/a",
		"http://[::1]:8080":                             "",
		"http://127.0.0.1:0":                            "",
		"https://[2001:db8::1]/a":                       "/a",
		"https://signet_a.internal:65535":               "",
		"https://xn--bcher-kva.example":                 "",
		"https://a.example/" + strings.Repeat("a", 494): "/" + strings.Repeat("a", 494),
	} {
		u, err := ParseIssuer(identifier)
		if err != nil || u.String() != identifier || u.Path != path {
			t.Errorf("ParseIssuer(%q) = %v, %v, want the path %q", identifier, u, err, path)
		}
	}
}

func TestParseIssuer_RejectsOtherSpellings(t *testing.T) {
	for identifier, want := range map[string]string{
		"https://a.example?":       "a URL without query and fragment",
		"https://a.example#x":      "a URL without query and fragment",
		"":                         "a URL with its host in lower case, such as https://login.example.com",
		"://":                      "a URL with its host in lower case, such as https://login.example.com",
		"https://A.example":        "a URL with its host in lower case, such as https://login.example.com",
		"https://a\"b.example":     "a URL with its host in lower case, such as https://login.example.com",
		"https://*.example":        "a URL with its host in lower case, such as https://login.example.com",
		"https://a..example":       "a URL with its host in lower case, such as https://login.example.com",
		"https://-a.example":       "a URL with its host in lower case, such as https://login.example.com",
		"https://[fe80::1%25eth0]": "a URL with its host in lower case, such as https://login.example.com",
		"https://[2001:DB8::1]":    "a URL with its host in lower case, such as https://login.example.com",
		"https://a.example:":       "no port, or a number up to 65535",
		"https://a.example:65536":  "no port, or a number up to 65535",
		"https://a.example/" + strings.Repeat("a", 495): "at most 512 bytes",
		"https://u@a.example":                           "a URL with its host in lower case, such as https://login.example.com",
		"https://a.example/{tenant}":                    "a URL with its host in lower case, such as https://login.example.com",
		"https://a.example/a%2fb":                       "a path without percent-encoding",
		"https://a.example/%41":                         "a path without percent-encoding",
		"https://a.example/a%20b":                       "a path without percent-encoding",
		"https://a.example//":                           "no empty or dotted segment in the path",
		"https://a.example/a//":                         "no empty or dotted segment in the path",
		"https://a.example/./":                          "no empty or dotted segment in the path",
		"https://a.example/a//b":                        "no empty or dotted segment in the path",
		"https://a.example/../a":                        "no empty or dotted segment in the path",
		"http://a.example":                              "https; http only for a loopback address",
		"http://localhost.example":                      "https; http only for a loopback address",
		"ftp://127.0.0.1":                               "https; http only for a loopback address",
	} {
		if u, err := ParseIssuer(identifier); err == nil || err.Error() != want || u != nil {
			t.Errorf("ParseIssuer(%q) = %v, %v, want the error %q", identifier, u, err, want)
		}
	}
}
