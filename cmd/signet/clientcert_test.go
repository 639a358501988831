package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/certtest"
)

// A client authenticates over HTTP with its certificate (tls_client_auth,
// RFC 8705 §2.1). The metadata lists the method.
func TestClientCertificate_OverHTTP(t *testing.T) {
	m := newTLSMachine(t, "SIGNET_TLS_CLIENT_CA_FILE=ca.pem")
	m.start("--dev").ready()
	m.signet("", "clients", "create", "gw", "--audience", demoAudience, "--cert-san", "dns:gw.example")
	for name, c := range map[string]struct {
		certificates []tls.Certificate
		want         int
	}{
		"its certificate": {[]tls.Certificate{m.authority.Client(t, "gw.example").TLS(t)}, http.StatusOK},
		"another's":       {[]tls.Certificate{m.authority.Client(t, "gw2.example").TLS(t)}, http.StatusUnauthorized},
		"none":            {nil, http.StatusUnauthorized},
	} {
		client := http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: m.authority.Pool(), Certificates: c.certificates},
		}}
		introspect := func() (status int) {
			response, err := client.PostForm("https://"+m.http+"/oauth2/introspect",
				url.Values{"client_id": {"gw"}, "token": {"x"}})
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			return response.StatusCode
		}
		if c.want == http.StatusOK { // the server may have read its clients before gw was created
			eventually(func() bool { return introspect() == c.want })
		}
		if got := introspect(); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}

		metadata, err := client.Get("https://" + m.http + "/.well-known/oauth-authorization-server")
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

// The commands authenticate a client with its certificate in place of a secret.
func TestClientCertificate_OfCommands(t *testing.T) {
	m := newTLSMachine(t, "SIGNET_TLS_CLIENT_CA_FILE=ca.pem")
	m.start("--dev").ready()
	m.signet("", "clients", "create", "gw",
		"--audience", demoAudience, "--cert-san", "dns:gw.example", "--scope", "read")
	own := m.authority.Client(t, "gw.example")
	certtest.Write(t, m.dir, "gw.pem", own.Cert)
	certtest.Write(t, m.dir, "gw.key", own.Key)
	var out []byte
	login := []string{"login", "--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key", "--client-id", "gw"}
	login = append(login, "-o", "json")
	if !eventually(func() bool { // the server may have read its clients before gw was created
		var err error
		out, err = m.command(login...).Output()
		return err == nil
	}) || !strings.Contains(string(out), `"client_id": "gw"`) {
		t.Fatalf("%s", out)
	}
	m.signet("", "refresh")
	m.signet("", "introspect")
	m.signet("", "refresh", "--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key")
	m.signet("", "introspect", "--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key")
	m.signet("", "revoke", "--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key")

	if err := os.Chmod(filepath.Join(m.dir, "gw.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := m.command("refresh").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "has mode 0644") {
		t.Errorf("a private key that other users may read: %v %s", err, text)
	}
	for name, args := range map[string][]string{
		"another client": {"--client-id", demoClient, "--cert", "gw.pem", "--key", "gw.key"},
		"half a pair":    {"--client-id", "gw", "--cert", "gw.pem"},
	} {
		certtest.Write(t, m.dir, "gw.key", own.Key)
		text, err := m.command(append([]string{"login", "--ca", "ca.pem"}, args...)...).CombinedOutput()
		if err == nil {
			t.Errorf("%s: login succeeded: %s", name, text)
		}
	}
}
