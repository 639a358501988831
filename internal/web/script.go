package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed" // for the files below
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The files that applications in the browser load. They are served as they are
// in the repository.
var (
	//go:embed static/signet.js
	scriptSource []byte
	//go:embed static/signet.d.ts
	scriptTypes []byte
)

// scriptFolder is the path of the files.
const scriptFolder = "/session/"

// A ScriptFile describes signet.js for an application that loads exactly this
// version.
type ScriptFile struct {
	// Path never has another content.
	Path string `json:"path"`
	// Integrity is the value of the attribute of that name (Subresource
	// Integrity).
	Integrity string `json:"integrity"`
}

// Script returns the description of signet.js.
func Script() ScriptFile {
	name, sum := sha256.Sum256(scriptSource), sha512.Sum384(scriptSource)
	return ScriptFile{
		Path:      scriptFolder + "signet-" + hex.EncodeToString(name[:8]) + ".js",
		Integrity: "sha384-" + base64.StdEncoding.EncodeToString(sum[:]),
	}
}

// A staticFile is a public file that pages of all origins may load. It is
// compressed once.
type staticFile struct {
	plain, compressed []byte
	// plainTag and compressedTag are the ETags of the two forms.
	plainTag, compressedTag string
	contentType             string
	cacheControl            string
}

func newStaticFile(content []byte, contentType, cacheControl string) staticFile {
	var compressed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&compressed, gzip.BestCompression) // the level is valid
	_, _ = w.Write(content)                                        // a bytes.Buffer returns no error
	_ = w.Close()
	sum := sha256.Sum256(content)
	tag := hex.EncodeToString(sum[:16])
	return staticFile{
		plain: content, compressed: compressed.Bytes(),
		plainTag: `"` + tag + `"`, compressedTag: `"` + tag + `-gzip"`,
		contentType: contentType, cacheControl: cacheControl,
	}
}

// ServeHTTP writes the file in a form that the caller accepts, or 304 if the
// caller's copy is current (RFC 9110 §13.1.2).
func (f staticFile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header, body := w.Header(), f.plain
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", f.cacheControl)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Etag", f.plainTag)
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		body = f.compressed
		header.Set("Etag", f.compressedTag)
		header.Set("Content-Encoding", "gzip")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether a caller accepts gzip (RFC 9110 §12.5.3). It
// takes a weight of zero for a refusal.
func acceptsGzip(values []string) bool {
	for coding := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, parameter, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		weight, weighted := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameter)), "q=")
		q, err := strconv.ParseFloat(weight, 64)
		return !weighted || err == nil && q > 0
	}
	return false
}

// scriptHandlers returns the handlers of the files by their http.ServeMux
// patterns, with and without the path of the issuer identifier.
func scriptHandlers(base string) map[string]http.Handler {
	const (
		javascript = "text/javascript; charset=utf-8" // RFC 9239 §6
		current    = "public, max-age=300, must-revalidate"
		immutable  = "public, max-age=31536000, immutable"
	)
	files := map[string]http.Handler{
		scriptFolder + "signet.js":   newStaticFile(scriptSource, javascript, current),
		scriptFolder + "signet.d.ts": newStaticFile(scriptTypes, "text/plain; charset=utf-8", current),
		Script().Path:                newStaticFile(scriptSource, javascript, immutable),
	}
	all := make(map[string]http.Handler)
	for path, file := range files {
		all["GET "+path], all["GET "+base+path] = file, file
	}
	return all
}
