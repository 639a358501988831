package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/keys"
)

// A document is JSON that everybody may read and keep for a while.
type document struct {
	bytes  []byte
	header http.Header // what it is sent with
	length []string    // the Content-Length, for the whole of it
}

// newDocument makes the header once: documents are asked for far more often than they change.
func newDocument(text []byte, etag string, maxAge time.Duration) document {
	return document{text, http.Header{
		"Content-Type":                {"application/json"},
		"Cache-Control":               {fmt.Sprintf("public, max-age=%d, must-revalidate", int(maxAge.Seconds()))},
		"Etag":                        {etag},
		"Access-Control-Allow-Origin": {"*"},
	}, []string{strconv.Itoa(len(text))}}
}

// serve writes the document, or that the caller's copy is still good (RFC 9110 §13.1.2), or the part of it that is asked for.
func (d document) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range d.header {
		h[name] = values
	}
	for _, name := range []string{"If-None-Match", "If-Match", "Range"} {
		if r.Header[name] != nil {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.bytes))
			return
		}
	}
	h["Content-Length"] = d.length
	if r.Method != http.MethodHead {
		_, _ = w.Write(d.bytes) // who has gone needs no answer
	}
}

// jwkSet returns what gives the JWK Set as it is now.
func jwkSet(ring *keys.Manager) func() document {
	type made struct {
		of *keys.Set
		document
	}
	var last atomic.Pointer[made]
	return func() document {
		set := ring.Set()
		if m := last.Load(); m != nil && m.of == set {
			return m.document
		}
		d := newDocument(set.Bytes, set.ETag, set.MaxAge)
		last.Store(&made{set, d})
		return d
	}
}

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
	d := newDocument(text, `"`+base64.RawURLEncoding.EncodeToString(sum[:16])+`"`, o.Keys.Set().MaxAge)
	return func() document { return d }, nil
}

// endpointURL is where the world finds a path of ours.
func endpointURL(issuer, path string) string { return issuer + path }
