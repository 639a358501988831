package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A metadata is what the Verifier needs of the metadata of the issuer (RFC 8414
// §2, OpenID Connect Discovery §3).
type metadata struct {
	Issuer        string `json:"issuer"`
	JWKSURI       string `json:"jwks_uri"`
	Revocations   string `json:"revocations_endpoint"`
	Introspection string `json:"introspection_endpoint"`
}

// maxMetadata is the maximum size of a metadata document.
const maxMetadata = 1 << 20

// errMetadata is the category of errors in the metadata that another attempt
// does not change.
var errMetadata = errors.New("metadata of the issuer")

// fetchMetadata fetches the metadata of an issuer. It tries the address of
// OpenID Connect Discovery §4, and then that of RFC 8414 §3.1. Neither has the
// slash at the end of an identifier.
func (t *transport) fetchMetadata(ctx context.Context, issuer *url.URL) (metadata, error) {
	path := strings.TrimSuffix(issuer.Path, "/")
	appended, inserted := *issuer, *issuer
	appended.Path = path + "/.well-known/openid-configuration"
	inserted.Path = "/.well-known/oauth-authorization-server" + path
	var last error
	for _, address := range []string{appended.String(), inserted.String()} {
		r, err := t.get(ctx, address, nil, maxMetadata, fetchTimeout)
		switch {
		case err != nil:
			return metadata{}, fmt.Errorf("fetch %s: %w", address, err)
		case r.status == http.StatusNotFound:
			last = fmt.Errorf("fetch %s: %w", address, errStatus(r.status))
			continue
		case r.status != http.StatusOK:
			return metadata{}, fmt.Errorf("fetch %s: %w", address, errStatus(r.status))
		}
		var m metadata
		if err := json.Unmarshal(r.body, &m); err != nil {
			return metadata{}, fmt.Errorf("fetch %s: not a JSON document", address)
		}
		return m, m.check(issuer)
	}
	return metadata{}, last
}

// check returns an error if the document is that of another issuer (RFC 8414
// §3.3), or has an address that requests must not be sent to.
func (m metadata) check(issuer *url.URL) error {
	if m.Issuer != issuer.String() {
		return fmt.Errorf("%w: they are those of %.300q, want %q", errMetadata, m.Issuer, issuer)
	}
	for name, address := range map[string]string{
		"jwks_uri": m.JWKSURI, "revocations_endpoint": m.Revocations, "introspection_endpoint": m.Introspection,
	} {
		if address == "" {
			continue
		}
		u, err := checkURL(address)
		if err == nil && issuer.Scheme == "https" && u.Scheme != "https" {
			err = errors.New("the issuer has https, and this has not")
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", errMetadata, name, err)
		}
	}
	if m.JWKSURI == "" {
		return fmt.Errorf("%w: jwks_uri is missing", errMetadata)
	}
	return nil
}
