package cli

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/certtest"
)

// With a CA file, the certificate that the configuration names only helps: a
// user who may not read it gets the name of the address.
func TestTransportCredentials_ServerName(t *testing.T) {
	authority, dir := certtest.NewAuthority(t), t.TempDir()
	ca := certtest.Write(t, dir, "ca.pem", authority.PEM)
	certFile, _ := authority.Server(t, time.Hour).Write(t, dir)
	for file, want := range map[string]string{certFile: "localhost", filepath.Join(dir, "none"): ""} {
		for _, listen := range []string{"0.0.0.0:1", "10.0.0.1:1"} {
			var server config.Config
			server.GRPC.Address, server.TLS.CertFile, server.TLS.KeyFile = listen, file, "key.pem"
			c, err := transportCredentials(app.DialAddress(listen), tlsFiles{CAFile: ca}, server)
			//lint:ignore SA1019 there is no other way to read the name
			if err != nil || c.Info().ServerName != want {
				t.Errorf("%s, %s: %v, want the name %q", listen, file, err, want)
			}
		}
	}
}

// Rule 72: commands use plain text only with an issuer on this machine, unless
// the configuration allows it. Their requests have passwords.
func TestRule72_PlainTextOnlyOnLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true,
		"10.0.0.1:1": false, "localhost.example.com:1": false, "127.0.0.1.nip.io:1": false,
		"0.0.0.0:1": false, "nonsense": false,
	} {
		if isLoopback(address) != want {
			t.Errorf("isLoopback(%q) = %t, want %t", address, !want, want)
		}
	}
}
