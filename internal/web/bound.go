package web

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/oauth"
)

// busyDelay is how long a caller waits before it tries again.
const busyDelay = time.Second

// past is a deadline that has passed.
var past = time.Unix(1, 0)

var errBusy = errors.New("the server has too many requests in progress")

// bounded bounds the requests in progress. A request with a body waits for its
// caller until the handler has read the body. With HTTP/2, it waits again until
// the caller's flow control has accepted the response.
func bounded(requests *connlimit.Requests, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		var answering atomic.Bool
		request := requests.Begin(func() {
			if answering.Load() {
				_ = control.SetWriteDeadline(past)
			} else {
				_ = control.SetReadDeadline(past)
			}
		})
		if request == nil {
			refuse(w, r)
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
			// counted any more.
			answering.Store(true)
			if !request.Waits() {
				_ = control.SetWriteDeadline(past)
			}
			_ = control.Flush()
		}
	})
}

// refuse answers a request above the bound. With HTTP/2 the response has no
// body, for which the server would have to wait.
func refuse(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	writeError(r.Context(), w, busy())
}

// arrived notes that the handler has read the body of a request. It returns
// false if another request has displaced this one.
func arrived(w http.ResponseWriter) (ok bool) {
	ok = true
	record(w, func(res *response) { ok = res.request == nil || res.request.Arrived() })
	return ok
}

// busy returns the error for a request above the bound.
func busy() error {
	e := oauth.Refused(oauth.TemporarilyUnavailable, errBusy)
	e.RetryAfter = busyDelay
	return e
}
