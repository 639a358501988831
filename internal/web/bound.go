package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/oauth"
)

// busyDelay is how long a caller waits that the server has no room for.
const busyDelay = time.Second

var errBusy = errors.New("the server has too many requests in progress")

// bounded bounds the requests in progress. A request with a body waits for its
// caller until the handler has read the body.
func bounded(requests *connlimit.Requests, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		request := requests.Begin(func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
		if request == nil {
			writeError(r.Context(), w, busy())
			return
		}
		defer request.End()
		record(w, func(res *response) { res.request = request })
		if r.Body == http.NoBody {
			request.Arrived()
		}

		next.ServeHTTP(w, r)
		if r.ProtoMajor == 2 {
			// Otherwise net/http writes the response when the request is not
			// counted any more. It waits for a caller that does not read.
			_ = control.Flush()
		}
	})
}

// arrived notes that the handler has read the body of a request. It returns
// false if another request has displaced this one.
func arrived(w http.ResponseWriter) (ok bool) {
	ok = true
	record(w, func(res *response) { ok = res.request == nil || res.request.Arrived() })
	return ok
}

// busy returns the error for a request that the server has no room for.
func busy() error {
	e := oauth.Refused(oauth.TemporarilyUnavailable, errBusy)
	e.RetryAfter = busyDelay
	return e
}
