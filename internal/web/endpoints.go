package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// Where the endpoints stand, behind the issuer identifier.
const (
	tokenPath      = "/oauth2/token"
	revokePath     = "/oauth2/revoke"
	introspectPath = "/oauth2/introspect"
)

// deadline is how long a request may take, as on the gRPC door.
const deadline = 10 * time.Second

// endpoints decode, call the issuer and encode.
type endpoints struct {
	issuer    *issuer.Issuer
	directory *issuer.Directory
	proxies   oauth.Proxies
	// tokenURL is where the world finds the token endpoint: clients address their assertions to it, too.
	tokenURL string
}

// A verb answers a request of a client with what is to be written as JSON, or with nothing.
type verb func(ctx context.Context, caller issuer.Caller, f form) (answer any, err error)

// mount is the list of all endpoints. base is the path of the issuer identifier.
func (e *endpoints) mount(mux *http.ServeMux, base string) {
	for path, v := range map[string]verb{tokenPath: e.token, revokePath: e.revoke, introspectPath: e.introspect} {
		mux.HandleFunc(path, e.serve(v))
		if base != "" {
			mux.HandleFunc(base+path, e.serve(v))
		}
	}
}

// serve stands before every verb: it gives the request an id and a deadline, forbids everybody to keep the answer
// (RFC 6749 §5.1), finds out who calls, and writes the answer.
func (e *endpoints) serve(v verb) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), deadline)
		defer cancel()
		caller := issuer.Caller{RequestID: oauth.RequestID(r.Header.Values("X-Request-Id")), Address: e.origin(r)}
		h := w.Header()
		h.Set("X-Request-Id", caller.RequestID)
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")
		note(w, slog.LevelInfo, slog.String("request_id", caller.RequestID), slog.String("origin", caller.Address.String()))
		if r.Method != http.MethodPost {
			h.Set("Allow", http.MethodPost)
			tell(w, http.StatusMethodNotAllowed, failure{oauth.InvalidRequest, "The method must be POST."})
			return
		}
		answer, err := e.attempt(ctx, w, r, &caller, v)
		switch {
		case err != nil:
			refuse(ctx, w, err)
		case answer == nil:
			w.WriteHeader(http.StatusOK)
		default:
			tell(w, http.StatusOK, answer)
		}
	}
}

func (e *endpoints) attempt(ctx context.Context, w http.ResponseWriter, r *http.Request, caller *issuer.Caller, v verb) (any, error) {
	f, err := readForm(w, r)
	if err != nil {
		return nil, err
	}
	if caller.Client, err = e.authenticate(ctx, r, f); err != nil {
		return nil, err
	}
	note(w, slog.LevelInfo, slog.String("client_id", caller.Client.ID))
	return v(ctx, *caller, f)
}

// origin returns the address that a request came from: that at the other end of the connection, or the one that a trusted
// proxy there names; the zero address if there is none.
func (e *endpoints) origin(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return e.proxies.Origin(peer.Addr(), r.Header.Values("X-Forwarded-For"))
}
