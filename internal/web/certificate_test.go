package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/certtest"
)

// serveTLS runs the door on a socket that asks for client certificates of the authority, and returns its URL.
func (h *house) serveTLS(t *testing.T, authority *certtest.Authority) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s, done := Server(h.door, slog.New(slog.DiscardHandler)), make(chan error)
	s.TLSConfig = &tls.Config{
		Certificates: []tls.Certificate{authority.Server(t, time.Hour).TLS(t)},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool(), MinVersion: tls.VersionTLS12,
	}
	go func() { done <- s.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		_ = s.Shutdown(context.Background())
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "https://" + l.Addr().String()
}

// A client may prove itself by its certificate (tls_client_auth, RFC 8705 §2.1).
func TestClientsByCertificate(t *testing.T) {
	h := openHouse(t)
	authority := certtest.NewAuthority(t)
	address := h.serveTLS(t, authority)
	for name, c := range map[string]struct {
		names  []string // of the certificate
		form   url.Values
		header http.Header
		want   string
	}{
		"by its id":                      {[]string{"mesh.example"}, url.Values{"client_id": {"mesh"}}, nil, "200"},
		"by the certificate alone":       {[]string{"mesh.example"}, nil, nil, "200"},
		"by Basic with an empty secret":  {[]string{"mesh.example"}, nil, http.Header{"Authorization": {"Basic bWVzaDo="}}, "200"},
		"another client's id":            {[]string{"mesh.example"}, url.Values{"client_id": {"web"}}, nil, "401"},
		"a hostile id":                   {[]string{"mesh.example"}, url.Values{"client_id": {"a\nb"}}, nil, "401"},
		"another name":                   {[]string{"evil.example"}, url.Values{"client_id": {"mesh"}}, nil, "401"},
		"no certificate":                 {nil, url.Values{"client_id": {"mesh"}}, nil, "401"},
		"a public client, without one":   {nil, url.Values{"client_id": {"spa"}}, nil, "200"},
		"a secret goes before it":        {[]string{"mesh.example"}, nil, h.basic("web"), "200"},
		"a wrong secret, though it fits": {[]string{"mesh.example"}, url.Values{"client_id": {"mesh"}, "client_secret": {"x"}}, nil, "401"},
	} {
		own := &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}
		if c.names != nil {
			own.Certificates = []tls.Certificate{authority.Client(t, c.names[0]).TLS(t)}
		}
		transport := &http.Transport{TLSClientConfig: own, DisableKeepAlives: true}
		form := url.Values{"token": {"x"}}
		for name, values := range c.form {
			form[name] = values
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/oauth2/revoke", strings.NewReader(form.Encode()))
		must(t, err)
		for name, values := range c.header {
			r.Header[name] = values
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := transport.RoundTrip(r)
		must(t, err)
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		transport.CloseIdleConnections()
		if statusText(answer.StatusCode) != c.want {
			t.Errorf("%s: %d %s, want %s", name, answer.StatusCode, body, c.want)
		}
	}
}

// Rule 54: whom a proxy calls for is believed of a trusted one only, and only what it added itself.
func TestRule54_ForwardedForOverHTTP(t *testing.T) {
	h := openHouse(t)
	send := func(forwarded ...string) string {
		t.Helper()
		h.logs.reset()
		header := h.basic("web")
		header["X-Forwarded-For"] = forwarded
		h.post(t, "/oauth2/revoke", header, "token", "x").want(t, "revoke", http.StatusOK, "")
		return h.logs.String()
	}
	for want, forwarded := range map[string][]string{
		"127.0.0.1": nil, "203.0.113.9": {"203.0.113.9"}, "198.51.100.7": {"203.0.113.9, 198.51.100.7"}, "2001:db8::1": {"x", "2001:db8::1"},
	} {
		if text := send(forwarded...); !strings.Contains(text, `"origin":"`+want+`"`) {
			t.Errorf("%q: %s", forwarded, text)
		}
	}
	h.door, _ = Handler(Options{Issuer: issuerID, Keys: openKeys(t), Tokens: h.issuer, Directory: h.directory, Log: h.logs.logger()})
	h.url = serve(t, h.door)
	if text := send("203.0.113.9"); !strings.Contains(text, `"origin":"127.0.0.1"`) {
		t.Errorf("a stranger is believed: %s", text)
	}
}
