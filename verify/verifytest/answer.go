package verifytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// An answer is the response to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// document returns a JSON document.
func document(value any) (answer, error) {
	body, err := json.Marshal(value)
	return answer{http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body}, err
}

// failure returns an answer without a document.
func failure(status int) answer { return answer{status, http.Header{}, nil} }

// cached sets the headers of a document that may be cached.
func (a answer) cached(control, etag string) answer {
	a.header.Set("Cache-Control", control)
	a.header.Set("ETag", etag)
	return a
}

// etag returns a strong validator of the body, with its quotes.
func (a answer) etag() string {
	sum := sha256.Sum256(a.body)
	return `"` + encode(sum[:16]) + `"`
}

// keysETag returns the ETag of a JWK Set: like that of the issuer, with a part
// before the dot that does not depend on the order of the keys. Here the order
// changes only with the keys.
func (a answer) keysETag() string {
	digest := strings.Trim(a.etag(), `"`)
	return `"` + digest + "." + digest + `"`
}

// response returns the answer to a request, or 304 if the caller has the
// document (RFC 9110 §13.1.2).
func (a answer) response(r *http.Request) *http.Response {
	if etag := a.header.Get("ETag"); etag != "" && r.Header.Get("If-None-Match") == etag {
		a.status, a.body = http.StatusNotModified, nil
	}
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	return &http.Response{
		Status:     strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}
}
