package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signetd/signet/internal/oauth"
)

// Rule 42: a duplicate parameter is rejected, because a proxy may have checked
// the other value. Only resource may occur more than once (RFC 8707 §2).
func TestRule42_DuplicateParameters(t *testing.T) {
	f := newFixture(t)
	all := "grant_type=refresh_token&refresh_token=" + f.login(t, "web").RefreshToken +
		"&scope=read&client_id=web&audience=" + url.QueryEscape(api) + "&x=y"
	for pair := range strings.SplitSeq(all, "&") {
		name, _, _ := strings.Cut(pair, "=")
		for what, second := range map[string]string{
			"same value": pair, "another value": name + "=z", "empty value": name + "=", "no value": name,
			"escaped name": "%" + fmt.Sprintf("%X", name[0]) + name[1:] + "=z",
		} {
			f.send(t, http.MethodPost, "/oauth2/token", f.basic("web"), all+"&"+second).
				want(t, name+" twice, "+what, http.StatusBadRequest, "invalid_request")
		}
	}
	body := all + "&resource=" + url.QueryEscape(api) + "&resource=" + url.QueryEscape(files) + "&resource="
	f.send(t, http.MethodPost, "/oauth2/token", f.basic("web"), body).want(t, "two resources", http.StatusOK, "")
}

func TestForm_RefusedRequests(t *testing.T) {
	f := newFixture(t)
	const formType, refresh = "application/x-www-form-urlencoded", "grant_type=refresh_token&refresh_token=x"
	post := func(path, contentType, body string) jsonResponse {
		t.Helper()
		header := f.basic("web")
		header["Content-Type"] = []string{contentType}
		return f.send(t, http.MethodPost, path, header, body)
	}

	compressed := f.basic("web")
	compressed["Content-Encoding"] = []string{"gzip"}

	for name, r := range map[string]jsonResponse{
		"gzip":                      f.send(t, http.MethodPost, "/oauth2/revoke", compressed, "token=x"),
		"JSON":                      post("/oauth2/revoke", "application/json", `{"token":"x"}`),
		"no content type":           post("/oauth2/revoke", "", "token=x"),
		"multipart":                 post("/oauth2/revoke", "multipart/form-data; boundary=x", "token=x"),
		"two content types":         post("/oauth2/revoke", formType+", application/json", "token=x"),
		"Latin 1":                   post("/oauth2/revoke", formType+"; charset=iso-8859-1", "token=x"),
		"parameter in the URL":      post("/oauth2/revoke?token=x", formType, ""),
		"parameter in URL and body": post("/oauth2/revoke?client_id=web", formType, "token=x"),
		"empty query":               post("/oauth2/revoke?", formType, "token=x"),
		"malformed escape":          post("/oauth2/revoke", formType, "token=%zz"),
		"semicolon":                 post("/oauth2/revoke", formType, "token=x;y=z"),
		"a name that is not UTF-8":  post("/oauth2/revoke", formType, "token=x&%ff=y"),
		"NUL in a value":            post("/oauth2/revoke", formType, "token=x%00"),
		"NUL in a name":             post("/oauth2/revoke", formType, "token=x&a%00=y"),
		"NUL in an unknown value":   post("/oauth2/revoke", formType, "token=x&y=%00"),
		"line break after a token":  post("/oauth2/revoke", formType, "token=x%0A"),
		"control in the grant type": post("/oauth2/token", formType, refresh+"%7f"),
		"NUL in a resource":         post("/oauth2/token", formType, refresh+"&resource=a%00"),
		"not UTF-8":                 post("/oauth2/revoke", formType, "token=x&y=%ff"),
		"more than 64 KiB":          post("/oauth2/revoke", formType, "token=x&y="+strings.Repeat("z", 64<<10)),
		"token of 9 KiB":            post("/oauth2/revoke", formType, "token="+strings.Repeat("z", 9<<10)),
		"scope of 5 KiB":            post("/oauth2/token", formType, refresh+"&scope="+strings.Repeat("z", 5<<10)),
		"17 resources":              post("/oauth2/token", formType, refresh+strings.Repeat("&resource=x", 17)),
		"no parameters":             post("/oauth2/revoke", formType, ""),
	} {
		r.want(t, name, http.StatusBadRequest, "invalid_request")
	}
	post("/oauth2/revoke", "Application/X-WWW-Form-URLencoded;charset=UTF-8", "token=x").
		want(t, "charset UTF-8", http.StatusOK, "")
	post("/oauth2/revoke", formType, "token=x&extra=y").want(t, "an unknown parameter", http.StatusOK, "")
}

// Rule 42: an accepted form has each parameter once.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"grant_type=refresh_token&refresh_token=x&resource=a&resource=b", "a=b&a=c", "a=%ff", "a=%zz", "a;b=c",
		"=x", "&&&", "resource=&resource",
		"token=" + strings.Repeat("a", oauth.MaxToken+1), "scope=a+b", "audience=a", "\xff=\xfe",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := parseForm(body)
		if err != nil {
			if !errors.Is(err, oauth.InvalidRequest) && !errors.Is(err, oauth.InvalidTarget) {
				t.Fatalf("%q: got error %v", body, err)
			}
			return
		}
		all, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("%q is malformed and accepted: %v", body, err)
		}
		for name, value := range form.values {
			if !isText(name) || name != "scope" && !isText(value) {
				t.Fatalf("%q: %q is %q, with a control character", body, name, value)
			}
			if len(all[name]) != 1 || all[name][0] != value || value == "" || !utf8.ValidString(value) {
				t.Fatalf("%q: %s is %q, one of %q", body, name, value, all[name])
			}
		}
		if len(form.get("token")) > oauth.MaxToken || len(form.resources) > oauth.MaxAudiences {
			t.Fatalf("%q exceeds a limit and is accepted", body)
		}
	})
}
