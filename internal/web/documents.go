package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/keys"
)

// A document is JSON that everybody may read and keep for a while.
type document struct {
	bytes  []byte
	etag   string
	maxAge time.Duration
}

// serve writes the document, or that the caller's copy is still good (RFC 9110 §13.1.2).
func (d document) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d, must-revalidate", int(d.maxAge.Seconds())))
	h.Set("ETag", d.etag)
	h.Set("Access-Control-Allow-Origin", "*")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.bytes))
}

func jwkSet(s *keys.Set) document { return document{bytes: s.Bytes, etag: s.ETag, maxAge: s.MaxAge} }

// serverMetadata is what callers need to know of us (RFC 8414 §2, OpenID Connect Discovery §3). It tells only what works:
// there is no endpoint for authorization, and the empty list of response types says so; if it were left out, RFC 8414 would
// have callers assume the authorization code grant.
type serverMetadata struct {
	Issuer        string   `json:"issuer"`
	JWKSURI       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	// What signs: verifiers read it as the algorithms they should allow.
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
}

// metadata returns the one document that both well-known names serve.
func metadata(o Options) (func() document, error) {
	issuer, methods := o.Issuer, slices.Clone(clientMethods)
	if o.Certificates {
		methods = append(methods, certificateMethod)
	}
	public := append(slices.Clone(methods), "none") // as public clients do
	text, err := json.Marshal(serverMetadata{
		Issuer:        issuer,
		JWKSURI:       endpointURL(issuer, "/.well-known/jwks.json"),
		ResponseTypes: []string{},
		GrantTypes:    grantTypes,
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{keys.RS256, keys.ES256, keys.EdDSA},

		Token: endpointURL(issuer, tokenPath), TokenMethods: public, TokenAlgorithms: assertionAlgorithms,
		Revocation: endpointURL(issuer, revokePath), RevocationMethods: public, RevocationAlgorithms: assertionAlgorithms,
		Introspection:        endpointURL(issuer, introspectPath),
		IntrospectionMethods: methods, IntrospectionAlgorithms: assertionAlgorithms,
	})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	d := document{bytes: text, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, maxAge: o.Keys.Set().MaxAge}
	return func() document { return d }, nil
}

// endpointURL is where the world finds a path of ours.
func endpointURL(issuer, path string) string { return strings.TrimSuffix(issuer, "/") + path }
