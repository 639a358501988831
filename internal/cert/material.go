package cert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/signetd/signet/internal/seal"
)

// A material is what the files held at one time, and what was made of it.
type material struct {
	certText, keyText, clientCAText []byte

	certificate tls.Certificate
	clientCAs   *x509.CertPool // nil means that clients are not asked
}

func (m *material) sameTexts(other *material) bool {
	return bytes.Equal(m.certText, other.certText) && bytes.Equal(m.keyText, other.keyText) &&
		bytes.Equal(m.clientCAText, other.clientCAText)
}

// read returns what the files hold; that is the same as before, if it is. An error names the file, and never says what a
// key holds.
func (k *Keeper) read(before *material) (*material, error) {
	m := new(material)
	var err error
	if m.certText, err = seal.ReadGivenPublic(k.o.CertFile); err != nil {
		return nil, err
	}
	if m.keyText, err = seal.ReadGiven(k.o.KeyFile); err != nil {
		return nil, err
	}
	if k.o.ClientCAFile != "" {
		if m.clientCAText, err = seal.ReadGivenPublic(k.o.ClientCAFile); err != nil {
			return nil, err
		}
	}
	if before != nil && m.sameTexts(before) {
		return before, nil
	}
	return m, m.parse(k.o)
}

func (m *material) parse(o Options) (err error) {
	if m.certificate, err = tls.X509KeyPair(m.certText, m.keyText); err != nil {
		return fmt.Errorf("%s and %s: %w", o.CertFile, o.KeyFile, err)
	}
	if o.ClientCAFile == "" {
		return nil
	}
	if m.clientCAs, err = parsePool(m.clientCAText); err != nil {
		return fmt.Errorf("%s: %w", o.ClientCAFile, err)
	}
	return nil
}

// parsePool takes every certificate, or none: a pool that lacks one that it cannot read would refuse callers for no reason
// that anybody sees.
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
		return nil, errors.New("there is no certificate in PEM in it")
	}
	return pool, nil
}
