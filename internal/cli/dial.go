package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/cert"
	"github.com/signetd/signet/internal/privatefile"
	"github.com/signetd/signet/keys"
)

// dial returns a connection to the issuer at an address.
func dial(address string, files tlsFiles, server config.Config) (*grpc.ClientConn, error) {
	transport, err := transportCredentials(address, files, server)
	if err != nil {
		return nil, err
	}
	if path, ok := config.UnixPath(address); ok {
		return grpc.NewClient("passthrough:///localhost", grpc.WithTransportCredentials(transport),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			}))
	}
	return grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(transport))
}

// transportCredentials returns TLS, except for an issuer on this machine and
// where the configuration allows plain text. A Unix socket has no TLS.
//
// The names in the certificate of an issuer on this machine are those of its
// public address. So if the configuration names the certificate, the issuer
// must have exactly this one. With a CA file, it must have a certificate of
// this CA for the same name.
func transportCredentials(
	address string, files tlsFiles, server config.Config,
) (credentials.TransportCredentials, error) {
	if _, ok := config.UnixPath(address); ok {
		return insecure.NewCredentials(), nil
	}
	c, err := &tls.Config{MinVersion: tls.VersionTLS12}, error(nil)
	own := server.TLS.Enabled() && (isLoopback(address) || address == app.DialAddress(server.GRPC.Address))
	plain := (isLoopback(address) || server.TLS.InsecurePlainText) && files.CertFile == ""
	switch {
	case files.CAFile != "":
		c.RootCAs, err = cert.ReadPool(files.CAFile)
		if own {
			c.ServerName = certificateName(server.TLS.CertFile)
		}
	case own:
		err = pinCertificate(c, server.TLS.CertFile)
	case plain:
		return insecure.NewCredentials(), nil
	}
	if err == nil && files.CertFile != "" {
		err = addClientCertificate(c, files.CertFile, files.KeyFile)
	}
	return credentials.NewTLS(c), err
}

// addClientCertificate adds the client's own certificate.
func addClientCertificate(c *tls.Config, certFile, keyFile string) error {
	text, err := privatefile.ReadPublic(certFile)
	if err != nil {
		return err
	}
	key, err := privatefile.ReadShared(keyFile)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(text, key)
	c.Certificates = []tls.Certificate{pair}
	return wrapError(certFile, err)
}

var errOtherCertificate = errors.New("the server's certificate is not the one in tls.cert_file")

// pinCertificate makes c accept only the certificate in a file. The names and
// the signature of the certificate do not matter.
func pinCertificate(c *tls.Config, certFile string) error {
	configured, err := readCertificate(certFile)
	if err != nil {
		return err
	}
	c.InsecureSkipVerify = true //nolint:gosec // VerifyConnection is stricter
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if !s.PeerCertificates[0].Equal(configured) {
			return errOtherCertificate
		}
		return nil
	}
	return nil
}

// certificateName returns the first name of the certificate in a file: a DNS
// name, or else an IP address. It is empty if the certificate has neither, or
// if the file cannot be read. Then the name is that of the address.
func certificateName(certFile string) string {
	c, err := readCertificate(certFile)
	switch {
	case err != nil:
		return ""
	case len(c.DNSNames) > 0:
		// A client asks for a host, which matches a wildcard.
		return strings.Replace(c.DNSNames[0], "*", "signet", 1)
	case len(c.IPAddresses) > 0:
		return c.IPAddresses[0].String()
	}
	return ""
}

// readCertificate reads the first certificate in a file.
func readCertificate(certFile string) (*x509.Certificate, error) {
	text, err := privatefile.ReadPublic(certFile)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM certificate found", certFile)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	return c, wrapError(certFile, err)
}

// isLoopback reports whether an address is on this machine.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && keys.IsLoopback(host)
}
