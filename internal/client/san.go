package client

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

// ValidCertSAN reports whether san is a subject alternative name of a
// certificate (RFC 5280 §4.2.1.6, RFC 8705 §2.1.2) in its canonical form:
// dns:NAME in lower case, uri:URI such as a SPIFFE ID, email:ADDRESS or
// ip:ADDRESS. Names are compared byte by byte, so a wildcard is not valid.
func ValidCertSAN(san string) bool {
	kind, name, _ := strings.Cut(san, ":")
	if len(san) > oauth.MaxCertSAN {
		return false
	}
	switch kind {
	case "dns":
		return isDNSName(name)
	case "uri":
		return isPlainURI(name)
	case "email":
		mailbox, host, _ := strings.Cut(name, "@")
		return oauth.ValidToken(mailbox) && isDNSName(host)
	case "ip":
		addr, err := netip.ParseAddr(name)
		return err == nil && addr.Unmap().WithZone("").String() == name
	}
	return false
}

// CertSANs returns the subject alternative names of a certificate in the form
// that ValidCertSAN describes. The subject of the certificate is not a name.
func CertSANs(c *x509.Certificate) (sans []string) {
	for _, name := range c.DNSNames {
		sans = append(sans, "dns:"+lowerASCII(name))
	}
	for _, u := range c.URIs {
		sans = append(sans, "uri:"+u.String())
	}
	for _, address := range c.EmailAddresses {
		mailbox, host, _ := strings.Cut(address, "@")
		sans = append(sans, "email:"+mailbox+"@"+lowerASCII(host))
	}
	for _, ip := range c.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			sans = append(sans, "ip:"+addr.Unmap().String())
		}
	}
	return sans
}

// lowerASCII returns the host name with its ASCII letters in lower case (RFC
// 4343). strings.ToLower also turns the Kelvin sign into a k.
func lowerASCII(host string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, host)
}

// isDNSName reports whether name is a host name (RFC 1123 §2.1) in lower case.
func isDNSName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// isPlainURI reports whether text is a URI with a scheme and a host, and
// without user information and fragment, in the form that url.URL.String
// writes.
func isPlainURI(text string) bool {
	u, err := url.Parse(text)
	return err == nil && oauth.ValidToken(text) && u.String() == text && u.Scheme != "" && u.Host != "" &&
		u.User == nil && u.Fragment == ""
}
