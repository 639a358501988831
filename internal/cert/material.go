package cert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/signetd/signet/internal/privatefile"
)

// material is the content of the files at one time, and its parsed form. It
// does not change after readMaterial returns it.
type material struct {
	certText, keyText, clientCAText []byte

	certificate tls.Certificate
	clientCAs   *x509.CertPool // nil: the server requests no client certificate
}

func (m *material) sameTexts(other *material) bool {
	return bytes.Equal(m.certText, other.certText) && bytes.Equal(m.keyText, other.keyText) &&
		bytes.Equal(m.clientCAText, other.clientCAText)
}

// readMaterial reads and parses the files. It returns before if the content of
// the files has not changed since. An error names the file and never contains
// the content of a key.
func readMaterial(o Options, before *material) (*material, error) {
	m := new(material)
	var err error
	if m.certText, err = privatefile.ReadPublic(o.CertFile); err != nil {
		return nil, err
	}
	if m.keyText, err = privatefile.ReadShared(o.KeyFile); err != nil {
		return nil, err
	}
	if o.ClientCAFile != "" {
		if m.clientCAText, err = privatefile.ReadPublic(o.ClientCAFile); err != nil {
			return nil, err
		}
	}

	if before != nil && m.sameTexts(before) {
		return before, nil
	}
	return m, m.parse(o)
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
