package verifytest

import (
	"net/http"
	"slices"
)

// The paths that the issuer serves, below URL.
const (
	openIDPath     = "/.well-known/openid-configuration"
	oauthPath      = "/.well-known/oauth-authorization-server"
	keysPath       = "/.well-known/jwks.json"
	feedPath       = "/revocations"
	introspectPath = "/oauth2/introspect"
)

// cacheControl is that of the metadata and of the JWK Set.
const cacheControl = "public, max-age=300, must-revalidate"

// metadata returns the metadata of the issuer (RFC 8414 §2).
func (s *server) metadata() (answer, error) {
	a, err := document(map[string]any{
		"issuer":                                URL,
		"jwks_uri":                              URL + keysPath,
		"revocations_endpoint":                  URL + feedPath,
		"introspection_endpoint":                URL + introspectPath,
		"response_types_supported":              []string{},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": s.ring.algorithms,
	})
	if err != nil {
		return failure(http.StatusInternalServerError), err
	}
	return a.cached(cacheControl, a.etag()), nil
}

// keySet returns the JWK Set. Its ETag changes with its keys.
func (s *server) keySet() (answer, error) {
	set := []map[string]string{}
	for _, algorithm := range []string{RS256, ES256, EdDSA} {
		for _, k := range slices.Backward(s.ring.keys) { // the key that signs is the newest
			if k.algorithm == algorithm {
				set = append(set, k.jwk)
			}
		}
	}
	a, err := document(map[string]any{"keys": set})
	if err != nil {
		return failure(http.StatusInternalServerError), err
	}
	return a.cached(cacheControl, a.keysETag()), nil
}
