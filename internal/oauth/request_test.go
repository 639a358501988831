package oauth

import (
	"encoding/base64"
	"strings"
	"testing"
)

func encoded(pair string) string { return base64.StdEncoding.EncodeToString([]byte(pair)) }

func TestParseBasic(t *testing.T) {
	for name, c := range map[string]struct {
		values     []string
		id, secret string
	}{
		"plain":                {[]string{"Basic " + encoded("web:s3cret")}, "web", "s3cret"},
		"scheme in other case": {[]string{"bASIC " + encoded("web:s3cret")}, "web", "s3cret"},
		"public":               {[]string{"Basic " + encoded("spa:")}, "spa", ""},
		"form-encoded":         {[]string{"Basic " + encoded("a%3Ab%2Fc:x%2By+z")}, "a:b/c", "x+y z"},
		"secret with a colon":  {[]string{"Basic " + encoded("web:a:b")}, "web", "a:b"},
		"none":                 {nil, "", ""},
		"empty":                {[]string{""}, "", ""},
		"two":                  {[]string{"Basic " + encoded("web:s"), "Basic " + encoded("web:s")}, "", ""},
		"other scheme":         {[]string{"Bearer " + encoded("web:s")}, "", ""},
		"no scheme":            {[]string{encoded("web:s")}, "", ""},
		"two spaces":           {[]string{"Basic  " + encoded("web:s")}, "", ""},
		"trailing space":       {[]string{"Basic " + encoded("web:s") + " "}, "", ""},
		"no colon":             {[]string{"Basic " + encoded("web")}, "", ""},
		"no id":                {[]string{"Basic " + encoded(":s")}, "", ""},
		"no padding":           {[]string{"Basic " + strings.TrimRight(encoded("web:s"), "=")}, "", ""},
		"spare bits":           {[]string{"Basic d2ViOnN="}, "", ""},
		"line break":           {[]string{"Basic d2Vi\nOnMz"}, "", ""},
		"URL alphabet": {
			[]string{"Basic " + base64.URLEncoding.EncodeToString([]byte("web:\xff\xfe\xfa"))}, "", "",
		},
		"broken escape, id":     {[]string{"Basic " + encoded("w%zz:s")}, "", ""},
		"broken escape, secret": {[]string{"Basic " + encoded("web:%")}, "", ""},
		"id with a space":       {[]string{"Basic " + encoded("w+eb:s")}, "", ""},
		"id with a line break":  {[]string{"Basic " + encoded("w%0Aeb:s")}, "", ""},
		"too long":              {[]string{"Basic " + encoded("web:"+strings.Repeat("s", 2<<10))}, "", ""},
	} {
		id, secret, ok := ParseBasic(c.values)
		if ok != (c.id != "") || ok && (id != c.id || secret != c.secret) {
			t.Errorf("%s: %q %q %v", name, id, secret, ok)
		}
	}
}
