package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestClientByItsCertificateOverHTTP: the other door takes it too (tls_client_auth, RFC 8705 §2.1), and the metadata says so.
func TestClientByItsCertificateOverHTTP(t *testing.T) {
	p := newProtected(t, "SIGNET_TLS_CLIENT_CA_FILE=ca.pem")
	p.start("--dev").ready()
	p.signet("", "clients", "create", "gw", "--audience", demoAudience, "--cert-san", "dns:gw.example")
	for name, c := range map[string]struct {
		own  []tls.Certificate
		want int
	}{
		"its certificate": {[]tls.Certificate{p.authority.Client(t, "gw.example").TLS(t)}, http.StatusOK},
		"another's":       {[]tls.Certificate{p.authority.Client(t, "gw2.example").TLS(t)}, http.StatusUnauthorized},
		"none":            {nil, http.StatusUnauthorized},
	} {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.authority.Pool(), Certificates: c.own}}}
		ask := func() (status int) {
			answer, err := client.PostForm("https://"+p.http+"/oauth2/introspect", url.Values{"client_id": {"gw"}, "token": {"x"}})
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			return answer.StatusCode
		}
		if c.want == http.StatusOK { // the server may have read its clients just before there was this one
			eventually(func() bool { return ask() == c.want })
		}
		if got := ask(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		metadata, err := client.Get("https://" + p.http + "/.well-known/oauth-authorization-server")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(metadata.Body)
		metadata.Body.Close()
		if err != nil || !strings.Contains(string(text), `"tls_client_auth"`) {
			t.Errorf("%v: the metadata is %s", err, text)
		}
		client.CloseIdleConnections()
	}
}
