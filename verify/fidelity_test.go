package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/verify/verifytest"
)

// An observed response has what a verifier reads of it. JSON values are
// replaced by the names of their members.
type observed struct {
	Status                   int
	Type, Cache, ETag, Shape string
}

// observe sends a request to an issuer. etag replaces "ETAG" in the header.
func observe(t *testing.T, client *http.Client, r *http.Request) (o observed, etag string) {
	t.Helper()
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	etag = response.Header.Get("ETag")
	o = observed{response.StatusCode, response.Header.Get("Content-Type"), response.Header.Get("Cache-Control"), "", ""}
	if etag != "" {
		o.ETag = "some"
	}
	if response.StatusCode != http.StatusOK {
		o.Type, o.Cache = "", "" // a verifier does not read those of errors
		return o, etag
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatalf("%s: %v", r.URL, err)
	}
	o.Shape = shape(value)
	return o, etag
}

// shape returns the names of the members of a JSON value, and of those within
// it. A signed head counts as its header and its payload.
func shape(value any) string {
	switch v := value.(type) {
	case map[string]any:
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(v)) {
			fmt.Fprintf(&b, "%s %s,", name, shape(v[name]))
		}
		return "{" + b.String() + "}"
	case []any:
		if len(v) > 0 {
			return "[" + shape(v[0]) + "]"
		}
		return "[]"
	case string:
		parts := strings.Split(v, ".")
		if len(parts) != 3 || !strings.HasPrefix(v, "eyJ") {
			return "text"
		}
		var header, payload any
		for i, into := range []any{&header, &payload} {
			text, err := base64.RawURLEncoding.DecodeString(parts[i])
			if err != nil || json.Unmarshal(text, into) != nil {
				return "text"
			}
		}
		return "signed " + shape(header) + shape(payload)
	}
	return fmt.Sprintf("%T", value)
}

// The issuer of package verifytest answers a verifier as the issuer does.
func TestVerifytest_AnswersLikeTheIssuer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		iss := newRealIssuer(t)
		fake := verifytest.New(t, verifytest.RS256)
		realToken := iss.MustLogin(t).AccessToken
		fakeToken := fake.Token(verifytest.Claims{
			Subject: "usr_ada", Audience: []string{issuertest.API}, Scope: "read write",
		})
		realClient, fakeClient := &http.Client{Transport: iss.transport}, &http.Client{Transport: fake}
		if got, want := shape(fakeToken), shape(realToken); got != want {
			t.Errorf("a token is %s, want %s", got, want)
		}

		for _, path := range []string{
			"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", keysPath, feedPath,
			feedPath + "?after=0-0", feedPath + "?after=0-0&wait=10ms", feedPath + "?after=7-7&wait=1s",
			feedPath + "?after=x", feedPath + "?after=0-0&wait=11s", feedPath + "?after=0-0&wait=x", "/unknown",
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				get := func(base, etag string) *http.Request {
					r, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					if etag != "" {
						r.Header.Set("If-None-Match", etag)
					}
					return r
				}
				want, realTag := observe(t, realClient, get(realURL, ""))
				got, fakeTag := observe(t, fakeClient, get(verifytest.URL, ""))
				if strings.HasPrefix(path, "/.well-known/o") { // it has other endpoints, too
					want.Shape, got.Shape = "", ""
				}
				if got != want {
					t.Errorf("%s %s: got %+v, want %+v", method, path, got, want)
				}
				if realTag != "" {
					want, _ := observe(t, realClient, get(realURL, realTag))
					if got, _ := observe(t, fakeClient, get(verifytest.URL, fakeTag)); got != want {
						t.Errorf("%s %s with the ETag: got %+v, want %+v", method, path, got, want)
					}
				}
			}
		}

		secret := iss.Secrets["gateway"]
		for name, tt := range map[string]struct{ realToken, fakeToken, secret string }{
			"active":       {realToken, fakeToken, secret},
			"inactive":     {"x", "x", secret},
			"no client":    {realToken, fakeToken, ""},
			"of the other": {fakeToken, realToken, secret},
		} {
			ask := func(base, token string) *http.Request {
				body := strings.NewReader(url.Values{"token": {token}}.Encode())
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+introspectPath, body)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if tt.secret != "" {
					r.SetBasicAuth("gateway", tt.secret)
				}
				return r
			}
			want, _ := observe(t, realClient, ask(realURL, tt.realToken))
			if got, _ := observe(t, fakeClient, ask(verifytest.URL, tt.fakeToken)); got != want {
				t.Errorf("introspection, %s: got %+v, want %+v", name, got, want)
			}
		}
	})
}
