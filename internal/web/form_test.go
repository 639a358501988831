package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signetd/signet/internal/oauth"
)

func jsonStrings(body []byte, into *map[string]string) error {
	var all map[string]any
	err := json.Unmarshal(body, &all)
	*into = make(map[string]string)
	for name, value := range all {
		(*into)[name], _ = value.(string)
	}
	return err
}

// Rule 42: a parameter that is there twice is refused, since somebody before us may have obeyed the other one. Only
// resource may be there more than once (RFC 8707 §2).
func TestRule42_ParametersTwice(t *testing.T) {
	h := openHouse(t)
	token := h.login(t, "web").RefreshToken
	all := "grant_type=refresh_token&refresh_token=" + token + "&scope=read&client_id=web&audience=" + url.QueryEscape(api) + "&x=y"
	for pair := range strings.SplitSeq(all, "&") {
		name, _, _ := strings.Cut(pair, "=")
		for what, body := range map[string]string{
			"the same": all + "&" + pair, "another": all + "&" + name + "=z", "empty": all + "&" + name + "=", "bare": all + "&" + name,
			"escaped": all + "&%" + fmt.Sprintf("%X", name[0]) + name[1:] + "=z",
		} {
			a := h.send(t, http.MethodPost, "/oauth2/token", h.basic("web"), body)
			a.want(t, name+" twice, "+what, http.StatusBadRequest, "invalid_request")
		}
	}
	body := all + "&resource=" + url.QueryEscape(api) + "&resource=" + url.QueryEscape(files) + "&resource="
	h.send(t, http.MethodPost, "/oauth2/token", h.basic("web"), body).want(t, "two resources", http.StatusOK, "")
}

func TestFormsThatAreRefused(t *testing.T) {
	h := openHouse(t)
	post := func(path, body string, header http.Header) answered {
		t.Helper()
		merged := h.basic("web")
		for name, values := range header {
			merged[name] = values
		}
		return h.send(t, http.MethodPost, path, merged, body)
	}
	media := func(value string) http.Header { return http.Header{"Content-Type": {value}} }
	for name, a := range map[string]answered{
		"JSON":                 post("/oauth2/revoke", `{"token":"x"}`, media("application/json")),
		"no type":              post("/oauth2/revoke", "token=x", media("")),
		"multipart":            post("/oauth2/revoke", "token=x", media("multipart/form-data; boundary=x")),
		"two types":            post("/oauth2/revoke", "token=x", media("application/x-www-form-urlencoded, application/json")),
		"Latin 1":              post("/oauth2/revoke", "token=x", media("application/x-www-form-urlencoded; charset=iso-8859-1")),
		"in the URL":           post("/oauth2/revoke?token=x", "", nil),
		"also in the URL":      post("/oauth2/revoke?client_id=web", "token=x", nil),
		"empty query":          post("/oauth2/revoke?", "token=x", nil),
		"broken escape":        post("/oauth2/revoke", "token=%zz", nil),
		"semicolon":            post("/oauth2/revoke", "token=x;y=z", nil),
		"not UTF-8":            post("/oauth2/revoke", "token=x&y=%ff", nil),
		"64 KiB and more":      post("/oauth2/revoke", "token=x&y="+strings.Repeat("z", 64<<10), nil),
		"a token of 9 KiB":     post("/oauth2/revoke", "token="+strings.Repeat("z", 9<<10), nil),
		"a scope of 5 KiB":     post("/oauth2/token", "grant_type=refresh_token&refresh_token=x&scope="+strings.Repeat("z", 5<<10), nil),
		"seventeen resources":  post("/oauth2/token", "grant_type=refresh_token&refresh_token=x"+strings.Repeat("&resource=x", 17), nil),
		"no parameters at all": post("/oauth2/revoke", "", nil),
	} {
		a.want(t, name, http.StatusBadRequest, "invalid_request")
	}
	post("/oauth2/revoke", "token=x", media("Application/X-WWW-Form-URLencoded;charset=UTF-8")).want(t, "with a charset", http.StatusOK, "")
	post("/oauth2/revoke", "token=x&extra=y", nil).want(t, "a parameter that nobody knows", http.StatusOK, "")
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"grant_type=refresh_token&refresh_token=x&resource=a&resource=b", "a=b&a=c", "a=%ff", "a=%zz", "a;b=c", "=x", "&&&", "resource=&resource",
		"token=" + strings.Repeat("a", oauth.MaxToken+1), "scope=a+b", "audience=a", "\xff=\xfe",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := parseForm(body)
		if err != nil {
			if !errors.Is(err, oauth.InvalidRequest) && !errors.Is(err, oauth.InvalidTarget) {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		all, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("%q was read and is malformed: %v", body, err)
		}
		for name, value := range form.values {
			if len(all[name]) != 1 || all[name][0] != value || value == "" || !utf8.ValidString(value) {
				t.Fatalf("%q: %s is %q of %q", body, name, value, all[name])
			}
		}
		if len(form.get("token")) > oauth.MaxToken || len(form.resources) > oauth.MaxAudiences {
			t.Fatalf("%q: bounds", body)
		}
	})
}

func TestRequestsToTheEndpointsAreLogged(t *testing.T) {
	h := openHouse(t)
	token := h.login(t, "web").RefreshToken
	h.logs.reset()
	header := h.basic("web")
	header.Set("X-Request-Id", "mine-1")
	a := h.post(t, "/oauth2/token", header, "grant_type", "refresh_token", "refresh_token", token)
	if a.Header.Get("X-Request-Id") != "mine-1" {
		t.Errorf("X-Request-Id %q", a.Header.Get("X-Request-Id"))
	}
	header["X-Request-Id"] = []string{"a b"}
	b := h.post(t, "/oauth2/token", header, "grant_type", "password", "password", passphrase)
	if id := b.Header.Get("X-Request-Id"); len(id) != 26 {
		t.Errorf("X-Request-Id %q", id)
	}
	h.post(t, "/oauth2/revoke", nil, "client_id", "web", "client_secret", "canary", "token", "canary")
	lines := strings.Split(strings.TrimSpace(h.logs.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("logged %q", lines)
	}
	for n, want := range []string{
		`"route":"/oauth2/token","code":200,`, `"route":"/oauth2/token","code":400,`, `"route":"/oauth2/revoke","code":401,`,
	} {
		if !strings.Contains(lines[n], want) || !strings.Contains(lines[n], `"level":"INFO"`) || !strings.Contains(lines[n], `"request_id":"`) {
			t.Errorf("line %d: %s", n, lines[n])
		}
	}
	if !strings.Contains(lines[0], `"client_id":"web"`) || !strings.Contains(lines[1], `"error":"unsupported_grant_type"`) {
		t.Errorf("logged %q", lines)
	}
	for _, secret := range []string{"canary", passphrase, token, a.text("refresh_token"), a.text("access_token"), h.secrets["web"]} {
		if strings.Contains(h.logs.String(), secret) {
			t.Errorf("the log has %.10s", secret)
		}
	}
}
