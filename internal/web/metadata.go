package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/keys"
)

// serverMetadata is the metadata of the issuer (RFC 8414 §2, OpenID Connect
// Discovery §3). It lists only what the issuer supports. There is no
// authorization endpoint, so response_types_supported is an empty list. Without
// grant_types_supported, RFC 8414 §2 would imply the authorization code grant
// and the implicit grant.
type serverMetadata struct {
	Issuer        string   `json:"issuer"`
	JWKSURI       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	// Algorithms are the algorithms of access tokens. The name says ID tokens,
	// but verifiers use this list as the algorithms to allow.
	Algorithms []string `json:"id_token_signing_alg_values_supported"`

	Token                   string   `json:"token_endpoint"`
	TokenMethods            []string `json:"token_endpoint_auth_methods_supported"`
	TokenAlgorithms         []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	Revocation              string   `json:"revocation_endpoint"`
	RevocationMethods       []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms    []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	Introspection           string   `json:"introspection_endpoint"`
	IntrospectionMethods    []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	// Feed is the URL of the feed of revocations. No RFC has this member.
	Feed string `json:"revocations_endpoint,omitempty"`
}

// newMetadata returns the metadata document. OpenID Connect Discovery and
// RFC 8414 define one path each, and both serve this document.
// If certificates is true, the document lists tls_client_auth, and if feed is
// true, the feed of revocations.
func newMetadata(issuer string, certificates, feed bool, maxAge time.Duration) (document, error) {
	methods := slices.Clone(clientMethods)
	if certificates {
		methods = append(methods, certificateMethod)
	}
	// Public clients may call every endpoint but introspection.
	withPublic := append(slices.Clone(methods), "none")

	m := serverMetadata{
		Issuer:        issuer,
		JWKSURI:       endpointURL(issuer, "/.well-known/jwks.json"),
		ResponseTypes: []string{},
		GrantTypes:    []string{clientCredentialsGrant, refreshTokenGrant},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{keys.RS256, keys.ES256, keys.EdDSA},

		Token:                   endpointURL(issuer, tokenPath),
		TokenMethods:            withPublic,
		TokenAlgorithms:         assertionAlgorithms,
		Revocation:              endpointURL(issuer, revokePath),
		RevocationMethods:       withPublic,
		RevocationAlgorithms:    assertionAlgorithms,
		Introspection:           endpointURL(issuer, introspectPath),
		IntrospectionMethods:    append(slices.Clone(methods), bearer), // RFC 8414 §2: or an access token type
		IntrospectionAlgorithms: assertionAlgorithms,
	}
	if feed {
		m.Feed = endpointURL(issuer, feedPath)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return document{}, err
	}
	sum := sha256.Sum256(body)
	return newDocument(body, `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`, maxAge), nil
}

// endpointURL returns the public URL of a path under the issuer identifier. A
// slash at the end of the identifier does not count (OpenID Connect Discovery
// §4.1).
func endpointURL(issuer, path string) string { return strings.TrimSuffix(issuer, "/") + path }
