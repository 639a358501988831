package web

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// Paths of the OAuth 2.0 endpoints, relative to the issuer identifier.
const (
	tokenPath      = "/oauth2/token"
	revokePath     = "/oauth2/revoke"
	introspectPath = "/oauth2/introspect"
)

// deadline is the time limit of a request. The gRPC API has the same limit.
const deadline = 10 * time.Second

// An operation handles the form that an authenticated client has sent. It
// returns a response to encode as JSON, or nil for an empty body.
type operation func(ctx context.Context, caller client.Caller, f form) (response any, err error)

// A clientHandler serves an endpoint for OAuth clients. It gives each request
// an id and a time limit, authenticates the client, and writes the response of
// its operation. Every response forbids caching (RFC 6749 §5.1).
type clientHandler struct {
	clients   authenticator
	proxies   oauth.Proxies
	operation operation
	// pages are the pages of other origins that may call the endpoint.
	pages pageAccess
}

func (h clientHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), deadline)
	defer cancel()
	id, origin := identify(w, r, h.proxies)
	caller := client.Caller{RequestID: id, Address: origin}

	if h.pages.allow(w.Header(), r) && isPreflight(r) {
		allowPreflight(w.Header())
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeJSON(w, http.StatusMethodNotAllowed, errorResponse{oauth.InvalidRequest, "The method must be POST."})
		return
	}

	response, err := h.respond(ctx, w, r, caller)
	switch {
	case err != nil:
		writeErrorWith(ctx, w, err, h.clients.challenges()...)
	case response == nil:
		w.WriteHeader(http.StatusOK)
	default:
		writeJSON(w, http.StatusOK, response)
	}
}

// respond authenticates the client and runs the operation.
func (h clientHandler) respond(
	ctx context.Context, w http.ResponseWriter, r *http.Request, caller client.Caller,
) (_ any, err error) {
	f, err := readForm(w, r)
	if err != nil {
		return nil, err
	}
	if caller.Client, err = h.clients.authenticate(ctx, r, f); err != nil {
		return nil, err
	}
	record(w, func(res *response) { res.clientID = caller.Client.ID })
	h.pages.restrict(w.Header(), caller.Client)
	return h.operation(ctx, caller, f)
}

// identify returns the id of a request and the address that it comes from. It
// adds both to the log line of the request, and sets the headers of a response
// that must not be cached.
//
// The address is that of the peer, or the one that the peer reports if it is a
// trusted proxy. It is the zero address if it is not known.
func identify(w http.ResponseWriter, r *http.Request, proxies oauth.Proxies) (id string, origin netip.Addr) {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	id, origin = oauth.RequestID(r.Header.Values("X-Request-Id")), proxies.Origin(peer.Addr(), r.Header.Values)
	record(w, func(res *response) { res.requestID, res.origin = id, origin })

	header := w.Header()
	header.Set("X-Request-Id", id)
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	return id, origin
}
