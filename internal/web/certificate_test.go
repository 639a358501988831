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

// serveTLS serves the HTTP API on a socket with TLS that requests client
// certificates of the authority. It returns the URL of the server.
func (f *fixture) serveTLS(t *testing.T, authority *certtest.Authority) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s, done := NewServer(f.handler, 250, slog.New(slog.DiscardHandler)), make(chan error)
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

// A client may authenticate with its certificate (tls_client_auth,
// RFC 8705 §2.1).
func TestClientAuthentication_Certificate(t *testing.T) {
	f := newFixture(t)
	authority := certtest.NewAuthority(t)
	address := f.serveTLS(t, authority)
	mesh := []string{"mesh.example"}

	for name, c := range map[string]struct {
		names  []string // names in the certificate; empty means no certificate
		form   url.Values
		header http.Header
		want   string
	}{
		"client_id":                      {mesh, url.Values{"client_id": {"mesh"}}, nil, "200"},
		"certificate only":               {mesh, nil, nil, "200"},
		"Basic with an empty secret":     {mesh, nil, http.Header{"Authorization": {"Basic bWVzaDo="}}, "200"},
		"client_id of another client":    {mesh, url.Values{"client_id": {"web"}}, nil, "401"},
		"malformed client_id":            {mesh, url.Values{"client_id": {"a b"}}, nil, "401"},
		"certificate of another name":    {[]string{"evil.example"}, url.Values{"client_id": {"mesh"}}, nil, "401"},
		"no certificate":                 {nil, url.Values{"client_id": {"mesh"}}, nil, "401"},
		"public client, no certificate":  {nil, url.Values{"client_id": {"spa"}}, nil, "200"},
		"secret of another client":       {mesh, nil, f.basic("web"), "200"},
		"certificate and invalid secret": {mesh, url.Values{"client_id": {"mesh"}, "client_secret": {"x"}}, nil, "401"},
	} {
		config := &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}
		if c.names != nil {
			config.Certificates = []tls.Certificate{authority.Client(t, c.names[0]).TLS(t)}
		}
		transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
		form := url.Values{"token": {"x"}}
		for name, values := range c.form {
			form[name] = values
		}

		request, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, address+"/oauth2/revoke", strings.NewReader(form.Encode()))
		must(t, err)
		for name, values := range c.header {
			request.Header[name] = values
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := transport.RoundTrip(request)
		must(t, err)
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		transport.CloseIdleConnections()
		if statusText(response.StatusCode) != c.want {
			t.Errorf("%s: got %d %s, want %s", name, response.StatusCode, body, c.want)
		}
	}
}
