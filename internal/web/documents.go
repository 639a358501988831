package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
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

// metadata returns the one document that both well-known names serve (RFC 8414 §2, OpenID Connect Discovery §3). It tells
// only what works: there is no endpoint for tokens and none for authorization yet, and the empty lists say so; if they were
// left out, RFC 8414 would have callers assume the authorization code grant.
func metadata(issuer string, maxAge time.Duration) (func() document, error) {
	text, err := json.Marshal(struct {
		Issuer        string   `json:"issuer"`
		JWKSURI       string   `json:"jwks_uri"`
		ResponseTypes []string `json:"response_types_supported"`
		GrantTypes    []string `json:"grant_types_supported"`
		SubjectTypes  []string `json:"subject_types_supported"`
		// What signs: verifiers read it as the algorithms they should allow.
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}{
		Issuer:        issuer,
		JWKSURI:       strings.TrimSuffix(issuer, "/") + "/.well-known/jwks.json",
		ResponseTypes: []string{},
		GrantTypes:    []string{},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{keys.RS256, keys.ES256, keys.EdDSA},
	})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	d := document{bytes: text, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, maxAge: maxAge}
	return func() document { return d }, nil
}
