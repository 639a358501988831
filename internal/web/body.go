package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

// The media types of bodies.
const (
	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// isMedia reports whether the body has that media type, in UTF-8.
func isMedia(r *http.Request, want string) bool {
	media, p, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := p["charset"]
	return err == nil && media == want && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// readBody reads a body that is not compressed, of at most limit bytes. tooLong
// is the sentence for a longer one.
func readBody(w http.ResponseWriter, r *http.Request, limit int64, tooLong string) (string, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return "", malformed("The body must not be compressed.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return "", malformed(tooLong)
	} else if !arrived(w) {
		return "", busy()
	} else if err != nil {
		return "", oauth.Wrap(oauth.InvalidRequest, "The body ended early.", err)
	}
	return string(body), nil
}

func malformed(sentence string) error { return oauth.Fail(oauth.InvalidRequest, sentence) }
