package web

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/oauth"
)

// feedPath is the path of the feed of revocations, relative to the issuer
// identifier.
const feedPath = "/revocations"

const (
	// fullMaxAge is how long caches may reuse a response with all entries.
	fullMaxAge = time.Second
	// maxUnconfirmed is how long ago the store may have been asked if the
	// response is 304. That response has no age, so a cache goes on to use
	// the age in the response that it has. That age is therefore not lower.
	maxUnconfirmed = time.Second
	// longResponse is the length in bytes above which a response is long. A
	// shorter one is in the buffers of the connection at once.
	longResponse = 64 << 10
	// maxLongResponses is the maximum number of long responses that callers
	// are reading.
	maxLongResponses = 16
	// writeBuffer is the size in bytes of the pieces of a long response.
	writeBuffer = 32 << 10
)

// A feedHandler serves the feed of revocations: all entries, which caches may
// keep for a second, or a poll.
type feedHandler struct {
	feed *feed.Feed
	// clients authenticates the callers. Nil means that everybody may read
	// the feed.
	clients *authenticator
	proxies oauth.Proxies
	long    *connlimit.Responses
}

func (h feedHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.respond(w, r); err != nil {
		writeError(r.Context(), w, err)
	}
}

// respond writes the response, or returns an error before it writes anything.
func (h feedHandler) respond(w http.ResponseWriter, r *http.Request) error {
	_, origin := identify(w, r, h.proxies)
	if h.clients == nil {
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	if r.ContentLength != 0 {
		return malformed("The request must not have a body.")
	}
	if !arrived(w) {
		return busy()
	}
	request, err := parsePoll(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if h.clients != nil {
		if request.Name, err = h.authenticate(w, r); err != nil {
			return err
		}
	}
	request.Address = origin
	answer, err := h.feed.Poll(r.Context(), request)
	switch {
	case r.Context().Err() != nil:
		return nil // the caller has disconnected
	case err != nil:
		return err
	}
	if request.Full {
		return h.writeFull(w, r, answer)
	}
	return writeAnswer(w, r, h.long, answer, nil)
}

// authenticate returns the id of the confidential client that calls. It accepts
// the methods that need no body: a secret in the header, or a certificate.
func (h feedHandler) authenticate(w http.ResponseWriter, r *http.Request) (id string, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), deadline)
	defer cancel()
	var c client.Client
	if c, err = h.clients.authenticate(ctx, r, form{}); err != nil {
		return "", err
	}
	if c.Public {
		return "", oauth.Refused(oauth.InvalidClient, errPublicClient)
	}
	record(w, func(res *response) { res.clientID = c.ID })
	return c.ID, nil
}

// writeFull writes an answer with all entries, or 304 if the caller has them.
// The ETag is weak, because the response also has its age.
func (h feedHandler) writeFull(w http.ResponseWriter, r *http.Request, a feed.Answer) error {
	etag := `W/"` + a.Position.String() + `"`
	cacheable := func(header http.Header) {
		scope := "public"
		if h.clients != nil {
			scope = "private"
		}
		header.Del("Pragma")
		header.Del("X-Request-Id")
		header.Set("Cache-Control", fmt.Sprintf("%s, max-age=%d, must-revalidate", scope, fullMaxAge/time.Second))
		header.Set("Etag", etag)
	}
	if a.Age <= maxUnconfirmed && matches(r.Header.Values("If-None-Match"), etag) {
		cacheable(w.Header())
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	// A caller subtracts the age from the moment of its request, and adds
	// the time for which the server held it. From a cache it gets a
	// response to an earlier request.
	a.Held, a.Age = 0, max(a.Age, maxUnconfirmed)+fullMaxAge
	return writeAnswer(w, r, h.long, a, cacheable)
}

// matches reports whether a value of If-None-Match has the ETag, by the weak
// comparison (RFC 9110 §13.1.2). The opaque part of the ETag has no comma.
func matches(conditions []string, etag string) bool {
	for _, condition := range conditions {
		for one := range strings.SplitSeq(condition, ",") {
			one = strings.Trim(one, " \t")
			if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(etag, "W/") {
				return true
			}
		}
	}
	return false
}

// writeAnswer writes an answer as JSON, in the form of revocation.Answer, or
// returns an error if too many long answers are being written. It does not copy
// the entries, which all answers share. setHeader may be nil.
func writeAnswer(
	w http.ResponseWriter, r *http.Request, long *connlimit.Responses, a feed.Answer, setHeader func(http.Header),
) error {
	parts := answerParts(a)
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	if length > longResponse && r.Method != http.MethodHead {
		control := http.NewResponseController(w)
		response := long.Begin(r.Context(), func() { _ = control.SetWriteDeadline(past) })
		if response == nil {
			return busy()
		}
		defer response.End()
	}

	header := w.Header()
	if setHeader != nil {
		setHeader(header)
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	b := bufio.NewWriterSize(w, min(length, writeBuffer))
	for _, part := range parts {
		_, _ = b.WriteString(part)
	}
	_ = b.Flush() // an error means that the caller has disconnected or was displaced
	return nil
}

// answerParts returns the JSON of an answer in parts.
func answerParts(a feed.Answer) []string {
	parts := make([]string, 0, 2+5*len(a.Segments))
	next := `{"segments":[{"head":"`
	for _, s := range a.Segments {
		parts = append(parts, next, s.Head, `","entries":"`, s.EncodedEntries, `"}`)
		next = `,{"head":"`
	}
	if len(a.Segments) == 0 {
		parts = append(parts, `{"segments":[`)
	}
	end := `],"held_ms":` + millis(a.Held) + `,"age_ms":` + millis(a.Age+time.Millisecond-1)
	if a.Delay > 0 {
		end += `,"delay_ms":` + millis(a.Delay+time.Millisecond-1)
	}
	return append(parts, end+"}\n")
}

// millis returns a duration in milliseconds, rounded down.
func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
