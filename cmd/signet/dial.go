package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/signetd/signet/internal/cert"
	"github.com/signetd/signet/internal/seal"
)

// A trust is by what a connection to the issuer is protected: whose certificates the caller believes, and its own.
type trust struct {
	CAFile   string `json:"ca_file,omitempty"`
	CertFile string `json:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty"`
}

func (t *trust) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&t.CAFile, "ca", "", "speak TLS, and believe the CAs in this `FILE` instead of the system's")
	c.Flags().StringVar(&t.CertFile, "cert", "", "prove the client by the certificate in this `FILE`")
	c.Flags().StringVar(&t.KeyFile, "key", "", "the `FILE` of the certificate's private key")
	c.MarkFlagsRequiredTogether("cert", "key")
}

// absolute returns the flags as the next command, in another folder, can use them; those that were not given are as before.
func (t trust) absolute(before trust) (trust, error) {
	var errs [3]error
	for i, path := range []*string{&t.CAFile, &t.CertFile, &t.KeyFile} {
		if *path != "" {
			*path, errs[i] = filepath.Abs(*path)
		}
	}
	return trust{
		CAFile: cmp.Or(t.CAFile, before.CAFile), CertFile: cmp.Or(t.CertFile, before.CertFile), KeyFile: cmp.Or(t.KeyFile, before.KeyFile),
	}, errors.Join(errs[:]...)
}

// dial returns a connection to the issuer.
func (u *use) dial() (*grpc.ClientConn, error) {
	protection, err := u.protection()
	if err != nil {
		return nil, err
	}
	return grpc.NewClient("passthrough:///"+u.kept.GRPC, grpc.WithTransportCredentials(protection))
}

// protection is TLS but for plain text on this machine, or where the configuration allows it. An issuer on this machine whose
// certificate the configuration names is known by exactly that one: its names are those that others call it by.
func (u *use) protection() (credentials.TransportCredentials, error) {
	c, local, err := &tls.Config{MinVersion: tls.VersionTLS12}, isLoopback(u.kept.GRPC), error(nil)
	switch {
	case u.kept.CAFile != "":
		c.RootCAs, err = cert.Pool(u.kept.CAFile)
	case local && u.tls.On():
		err = pin(c, u.tls.CertFile)
	case (local || u.tls.InsecurePlainText) && u.kept.CertFile == "":
		return insecure.NewCredentials(), nil
	}
	if err == nil && u.kept.CertFile != "" {
		err = addPair(c, u.kept.CertFile, u.kept.KeyFile)
	}
	return credentials.NewTLS(c), err
}

// addPair gives the caller a certificate of its own.
func addPair(c *tls.Config, certFile, keyFile string) error {
	text, err := seal.ReadGivenPublic(certFile)
	if err != nil {
		return err
	}
	key, err := seal.ReadGiven(keyFile)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(text, key)
	c.Certificates = []tls.Certificate{pair}
	return about(certFile, err)
}

var errOtherCertificate = errors.New("the server has another certificate than the one that tls.cert_file names")

// pin believes one certificate and no other, whatever its names are and whoever signed it.
func pin(c *tls.Config, certFile string) error {
	text, err := seal.ReadGivenPublic(certFile)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("%s: there is no certificate in PEM in it", certFile)
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return about(certFile, err)
	}
	c.InsecureSkipVerify = true //nolint:gosec // what follows is stricter
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if !bytes.Equal(s.PeerCertificates[0].Raw, block.Bytes) {
			return errOtherCertificate
		}
		return nil
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
