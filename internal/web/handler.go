package web

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/pprof"
	"path"
	"strings"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// Options configures the HTTP API. Every field is required, except where its
// comment says what the zero value means.
type Options struct {
	// Issuer is the issuer identifier (RFC 8414 §2). It comes from the
	// configuration. No header of a request changes it.
	Issuer string
	// Keys is the key ring. Its JWK Set is published.
	Keys *keys.Manager
	// TokenIssuer issues tokens at the token endpoint.
	TokenIssuer *issuer.Issuer
	// Inspector answers introspection requests.
	Inspector *issuer.Inspector
	// Grants revokes grants at the revocation endpoint.
	Grants *grant.Service
	// Registry authenticates the clients that call the endpoints.
	Registry *client.Registry
	// Browser logs users of applications in the browser in and out. Nil means
	// that there are no endpoints for pages.
	Browser *browser.Service
	// Feed answers the polls of verifiers. Nil means that there is no feed.
	Feed *feed.Feed
	// FeedForClients is true if only authenticated confidential clients may
	// read the feed.
	FeedForClients bool
	// Proxies are the trusted proxies. Only they may report another address
	// than their own. The zero value means that no proxy is trusted.
	Proxies oauth.Proxies
	// Certificates is true if the server requests client certificates. The
	// metadata then lists tls_client_auth.
	Certificates bool
	// Checks decide whether the server is ready. Empty means always ready.
	Checks Checks
	Log    *slog.Logger
	// Requests bounds the requests in progress. Nil means no bound.
	Requests *connlimit.Requests
	// Observer counts and traces requests. Its fields may be nil.
	Observer Observer
}

// Handler returns the handler for http.address. If the issuer identifier has a
// path, the endpoints and documents are served under that path. They are also
// served without it, for a proxy that removes the path. Handler returns an
// error if keys.ParseIssuer rejects the issuer identifier.
func Handler(o Options) (http.Handler, error) {
	all, err := handlers(o)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, handler := range all {
		mux.Handle(pattern, handler)
	}
	handler := wellFormed(o.Proxies, exactPaths(mux))
	if o.Requests != nil {
		handler = bounded(o.Requests, handler)
	}
	return middleware(o.Log, o.Observer, handler), nil
}

// exactPaths answers 404 to the paths that http.ServeMux would redirect to the
// same path without empty and dot segments. So the server redirects only forms.
func exactPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped := r.URL.EscapedPath()
		if clean := path.Clean(escaped); escaped != clean && escaped != clean+"/" {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// handlers returns all handlers of the HTTP API by their http.ServeMux
// patterns. If the issuer identifier has no path, the patterns with and without
// its path are the same.
func handlers(o Options) (map[string]http.Handler, error) {
	identifier, err := keys.ParseIssuer(o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("invalid issuer identifier %q: want %w", o.Issuer, err)
	}
	base := strings.TrimSuffix(identifier.Path, "/") // such as /tenants/a
	metadata, err := newMetadata(o.Issuer, o.Certificates, o.Feed != nil, o.Keys.Set().MaxAge)
	if err != nil {
		return nil, fmt.Errorf("encode the metadata: %w", err)
	}
	clients := authenticator{registry: o.Registry, tokenURL: endpointURL(o.Issuer, tokenPath)}
	pages := pageAccess{o.Registry}
	token := clientHandler{
		clients: clients, proxies: o.Proxies, operation: tokenEndpoint{o.TokenIssuer}.respond, pages: pages,
	}
	revoke := clientHandler{
		clients: clients, proxies: o.Proxies, operation: revocationEndpoint{o.Grants}.respond, pages: pages,
	}
	withBearer := clients
	withBearer.bearer = o.Inspector.ClientBearer
	introspect := clientHandler{
		clients: withBearer, proxies: o.Proxies, operation: introspectionEndpoint{o.Inspector}.respond,
	}

	all := map[string]http.Handler{
		tokenPath:             token,
		base + tokenPath:      token,
		revokePath:            revoke,
		base + revokePath:     revoke,
		introspectPath:        introspect,
		base + introspectPath: introspect,

		livePattern:  http.HandlerFunc(serveLive),
		readyPattern: readyHandler{checks: o.Checks, log: o.Log},
	}
	if o.Feed != nil {
		revocations := feedHandler{feed: o.Feed, proxies: o.Proxies, long: connlimit.NewResponses(maxLongResponses)}
		if o.FeedForClients {
			revocations.clients = &clients
		}
		all["GET "+feedPath], all["GET "+base+feedPath] = revocations, revocations
	}
	maps.Copy(all, documentHandlers(o.Keys, metadata, base))
	maps.Copy(all, scriptHandlers(base))
	maps.Copy(all, sessionHandlers(o.Browser, o.Registry, o.Proxies, base))
	return all, nil
}

// documentHandlers returns the handlers of the JWK Set and of the metadata by
// their patterns.
func documentHandlers(ring *keys.Manager, metadata document, base string) map[string]http.Handler {
	jwkSet := documentHandler{current: currentJWKSet(ring)}
	serverMetadata := documentHandler{current: func() document { return metadata }}
	return map[string]http.Handler{
		"GET /.well-known/jwks.json":                         jwkSet,
		"GET " + base + "/.well-known/jwks.json":             jwkSet,
		"GET /.well-known/openid-configuration":              serverMetadata,
		"GET /.well-known/oauth-authorization-server":        serverMetadata,
		"GET " + base + "/.well-known/openid-configuration":  serverMetadata, // OpenID Connect Discovery §4
		"GET /.well-known/oauth-authorization-server" + base: serverMetadata, // RFC 8414 §3.1
	}
}

// OpsHandler returns the handler for ops.address. It serves the probes, the
// metrics, and the profiles of net/http/pprof.
func OpsHandler(checks Checks, metrics http.Handler, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	for pattern, handler := range opsHandlers(checks, metrics, log) {
		mux.Handle(pattern, handler)
	}
	return middleware(log, Observer{}, wellFormed(oauth.Proxies{}, mux))
}

// opsHandlers returns the handlers of OpsHandler by their patterns.
func opsHandlers(checks Checks, metrics http.Handler, log *slog.Logger) map[string]http.Handler {
	return map[string]http.Handler{
		livePattern:                http.HandlerFunc(serveLive),
		readyPattern:               readyHandler{checks: checks, log: log},
		"GET /metrics":             metrics,
		"GET /debug/pprof/":        http.HandlerFunc(pprof.Index),
		"GET /debug/pprof/profile": http.HandlerFunc(pprof.Profile),
		"GET /debug/pprof/symbol":  http.HandlerFunc(pprof.Symbol),
		"GET /debug/pprof/trace":   http.HandlerFunc(pprof.Trace),
	}
}
