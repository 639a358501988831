package cert

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/signetd/signet/internal/privatefile"
)

// ReadPool reads a file of CA certificates in PEM.
func ReadPool(path string) (*x509.CertPool, error) {
	text, err := privatefile.ReadPublic(path)
	if err != nil {
		return nil, err
	}
	pool, err := parsePool(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pool, nil
}

// parsePool returns all certificates in text, or an error if it cannot parse
// one of them. A pool without that certificate would make the server reject
// clients, and no log would show the reason.
func parsePool(text []byte) (*x509.CertPool, error) {
	pool, found := x509.NewCertPool(), 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		found++
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("block %d is a %s, not a CERTIFICATE", found, block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", found, err)
		}
		pool.AddCert(certificate)
	}

	if found == 0 {
		return nil, errors.New("the file contains no certificate in PEM")
	}
	return pool, nil
}
