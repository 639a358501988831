package oauth

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func encoded(pair string) string { return base64.StdEncoding.EncodeToString([]byte(pair)) }

func TestParseBasic(t *testing.T) {
	longest := strings.Repeat("a", MaxClientID)
	for name, c := range map[string]struct {
		values  []string
		want    []Credentials
		claimed string
	}{
		"plain":                {[]string{"Basic " + encoded("web:s3cret")}, []Credentials{{"web", "s3cret"}}, "web"},
		"scheme in other case": {[]string{"bASIC " + encoded("web:s3cret")}, []Credentials{{"web", "s3cret"}}, "web"},
		"public":               {[]string{"Basic " + encoded("spa:")}, []Credentials{{"spa", ""}}, "spa"},
		"form-encoded": {
			[]string{"Basic " + encoded("a%3Ab%2Fc:x%2By+z")},
			[]Credentials{{"a:b/c", "x+y z"}, {"a%3Ab%2Fc", "x%2By+z"}},
			"a:b/c",
		},
		"id is a URL": {
			[]string{"Basic " + encoded("https://api.example:sgs_x")},
			[]Credentials{{"https", "//api.example:sgs_x"}, {"https://api.example", "sgs_x"}},
			"https",
		},
		"id of a public client is a URL": {
			[]string{"Basic " + encoded("https://spa.example:")},
			[]Credentials{{"https", "//spa.example:"}, {"https://spa.example", ""}},
			"https",
		},
		"secret with a colon": {
			[]string{"Basic " + encoded("web:a:b")}, []Credentials{{"web", "a:b"}, {"web:a", "b"}}, "web",
		},
		"three readings": {
			[]string{"Basic " + encoded("a%41:b%42:c")},
			[]Credentials{{"aA", "bB:c"}, {"a%41", "b%42:c"}, {"a%41:b%42", "c"}},
			"aA",
		},
		"id with a plus":        {[]string{"Basic " + encoded("w+eb:s")}, []Credentials{{"w+eb", "s"}}, "w eb"},
		"broken escape, id":     {[]string{"Basic " + encoded("w%zz:s")}, []Credentials{{"w%zz", "s"}}, "w%zz"},
		"broken escape, secret": {[]string{"Basic " + encoded("web:%")}, []Credentials{{"web", "%"}}, "web"},
		"id with a line break":  {[]string{"Basic " + encoded("w%0Aeb:s")}, []Credentials{{"w%0Aeb", "s"}}, "w\neb"},
		"longest id":            {[]string{"Basic " + encoded(longest+":s")}, []Credentials{{longest, "s"}}, longest},
		"id is too long":        {[]string{"Basic " + encoded(longest+"a:s")}, nil, longest + "a"},
		"id is a colon":         {[]string{"Basic " + encoded("::s")}, []Credentials{{":", "s"}}, ""},
		"none":                  {nil, nil, ""},
		"empty":                 {[]string{""}, nil, ""},
		"two":                   {[]string{"Basic " + encoded("web:s"), "Basic " + encoded("web:s")}, nil, ""},
		"other scheme":          {[]string{"Bearer " + encoded("web:s")}, nil, ""},
		"no scheme":             {[]string{encoded("web:s")}, nil, ""},
		"two spaces":            {[]string{"Basic  " + encoded("web:s")}, nil, ""},
		"trailing space":        {[]string{"Basic " + encoded("web:s") + " "}, nil, ""},
		"no colon":              {[]string{"Basic " + encoded("web")}, nil, ""},
		"no id":                 {[]string{"Basic " + encoded(":s")}, nil, ""},
		"nothing but a colon":   {[]string{"Basic " + encoded(":")}, nil, ""},
		"no padding":            {[]string{"Basic " + strings.TrimRight(encoded("web:s"), "=")}, nil, ""},
		"spare bits":            {[]string{"Basic d2ViOnN="}, nil, ""},
		"line break":            {[]string{"Basic d2Vi\nOnMz"}, nil, ""},
		"URL alphabet": {
			[]string{"Basic " + base64.URLEncoding.EncodeToString([]byte("web:\xff\xfe\xfa"))}, nil, "",
		},
		"id with a space":     {[]string{"Basic " + encoded("w eb:s")}, nil, "w eb"},
		"id with a zero byte": {[]string{"Basic " + encoded("w\x00eb:s")}, nil, "w\x00eb"},
		"too long":            {[]string{"Basic " + encoded("web:"+strings.Repeat("s", 2<<10))}, nil, ""},
	} {
		readings, claimed := ParseBasic(c.values)
		if !slices.Equal(readings, c.want) || claimed != c.claimed {
			t.Errorf("%s: %q, claimed %q; want %q, claimed %q", name, readings, claimed, c.want, c.claimed)
		}
	}
}

// For every client id, the encoded form has one reading that counts before the
// others: the id and the secret. The form that is not encoded has it among at
// most three, if the id or the secret has no colon. If the secret is one that
// the issuer makes, no reading pairs it with an id that is a part of this id.
func FuzzParseBasic_HasTheCredentials(f *testing.F) {
	const made = "sgs_Zm9vYmFyLV8"
	for _, id := range []string{
		"web", "https://api.example", "a+b", "a%b", "a%41", "a%3Ab", ":", "a:", ":a", "%", "+", "%3A:%2B+",
	} {
		for _, secret := range []string{made, "", "a:b", "a+b", "a%41", "%zz", ":", "a b"} {
			f.Add(id, secret)
		}
	}
	f.Fuzz(func(t *testing.T, id, secret string) {
		if !ValidClientID(id) || len(id)+len(secret) > 400 {
			return
		}
		want := Credentials{id, secret}
		pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
		readings, claimed := ParseBasic([]string{"Basic " + encoded(pair)})
		if len(readings) == 0 || readings[0] != want || claimed != id {
			t.Errorf("encoded, %q: %q, claimed %q", want, readings, claimed)
		}

		readings, _ = ParseBasic([]string{"Basic " + encoded(id+":"+secret)})
		if len(readings) > 3 {
			t.Errorf("%q has the readings %q", want, readings)
		}
		if !(strings.Contains(id, ":") && strings.Contains(secret, ":")) && !slices.Contains(readings, want) {
			t.Errorf("not encoded, %q: %q", want, readings)
		}
		for _, x := range readings {
			if !ValidClientID(x.ID) {
				t.Errorf("%q has the id %q", want, x.ID)
			}
		}
		readings, _ = ParseBasic([]string{"Basic " + encoded(id+":"+made)})
		for _, x := range readings {
			decoded, _ := url.QueryUnescape(id)
			if x.Secret == made && x.ID != id && x.ID != decoded {
				t.Errorf("%q pairs the secret with %q", id, x.ID)
			}
		}
	})
}
