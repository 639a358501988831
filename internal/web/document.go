package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/keys"
)

// A document is a JSON document that anyone may read and cache.
type document struct {
	body   []byte
	header http.Header
	// contentLength is the Content-Length of the whole body.
	contentLength []string
}

// newDocument returns a document with its header. The header is made once,
// because clients request a document much more often than it changes.
func newDocument(body []byte, etag string, maxAge time.Duration) document {
	return document{body, http.Header{
		"Content-Type":                {"application/json"},
		"Cache-Control":               {fmt.Sprintf("public, max-age=%d, must-revalidate", int(maxAge.Seconds()))},
		"Etag":                        {etag},
		"Access-Control-Allow-Origin": {"*"},
	}, []string{strconv.Itoa(len(body))}}
}

// A documentHandler serves the document that current returns.
type documentHandler struct{ current func() document }

// ServeHTTP writes the document, the requested range of it, or 304 if the
// caller's copy is current (RFC 9110 §13.1.2).
func (h documentHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, header := h.current(), w.Header()
	for name, values := range d.header {
		header[name] = values
	}

	for _, name := range []string{"If-None-Match", "If-Match", "Range"} {
		if r.Header[name] != nil {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.body))
			return
		}
	}

	header["Content-Length"] = d.contentLength
	if r.Method != http.MethodHead {
		_, _ = w.Write(d.body) // an error means that the caller has disconnected
	}
}

// currentJWKSet returns a function that returns the current JWK Set. It makes a
// new document only when the set has changed.
func currentJWKSet(ring *keys.Manager) func() document {
	type cached struct {
		set *keys.Set
		document
	}
	var last atomic.Pointer[cached]

	return func() document {
		set := ring.Set()
		if c := last.Load(); c != nil && c.set == set {
			return c.document
		}
		d := newDocument(set.Bytes, set.ETag, set.MaxAge)
		last.Store(&cached{set, d})
		return d
	}
}
