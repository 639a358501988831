package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/cert"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// dial returns a connection to the issuer at an address.
func dial(address string, files tlsFiles, server config.TLS) (*grpc.ClientConn, error) {
	transport, err := transportCredentials(address, files, server)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(transport))
}

// transportCredentials returns TLS, except for an issuer on this machine and
// where the configuration allows plain text.
//
// If the issuer is on this machine and the configuration names its certificate,
// the issuer must have exactly that certificate. The names in it are those of
// the public address and do not match.
func transportCredentials(address string, files tlsFiles, server config.TLS) (credentials.TransportCredentials, error) {
	c, local, err := &tls.Config{MinVersion: tls.VersionTLS12}, isLoopback(address), error(nil)
	switch {
	case files.CAFile != "":
		c.RootCAs, err = cert.ReadPool(files.CAFile)
	case local && server.Enabled():
		err = pinCertificate(c, server.CertFile)
	case (local || server.InsecurePlainText) && files.CertFile == "":
		return insecure.NewCredentials(), nil
	}
	if err == nil && files.CertFile != "" {
		err = addClientCertificate(c, files.CertFile, files.KeyFile)
	}
	return credentials.NewTLS(c), err
}

// addClientCertificate adds the client's own certificate.
func addClientCertificate(c *tls.Config, certFile, keyFile string) error {
	text, err := seal.ReadPublicFile(certFile)
	if err != nil {
		return err
	}
	key, err := seal.ReadSecretFile(keyFile)
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
	text, err := seal.ReadPublicFile(certFile)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("%s: no PEM certificate found", certFile)
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return wrapError(certFile, err)
	}

	c.InsecureSkipVerify = true //nolint:gosec // VerifyConnection is stricter
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if !bytes.Equal(s.PeerCertificates[0].Raw, block.Bytes) {
			return errOtherCertificate
		}
		return nil
	}
	return nil
}

// isLoopback reports whether an address is on this machine.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && keys.IsLoopback(host)
}
