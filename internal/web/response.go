package web

import (
	"net/http"
	"net/netip"

	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/oauth"
)

// A response records what the log line of its request has.
type response struct {
	http.ResponseWriter
	// status is 0 until the header is written.
	status int
	// requestID is empty if the request is well-formed and not for an OAuth
	// endpoint.
	requestID string
	// origin is the address that the request comes from, the zero address if
	// it is not known.
	origin netip.Addr
	// clientID is empty until the client has authenticated.
	clientID string
	// request is nil for the operations server.
	request *connlimit.Request
	// err is the error that the response reports, or nil.
	err *oauth.Error
}

// record calls set with the response that w is, for the log line of the
// request. If w is another writer, it does nothing.
func record(w http.ResponseWriter, set func(*response)) {
	if res, ok := w.(*response); ok {
		set(res)
	}
}

func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *response) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap returns the wrapped writer for http.ResponseController.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }
