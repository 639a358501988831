package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// Options is what the door serves. Every field is needed but Proxies, Certificates and Watch.
type Options struct {
	// Issuer is the issuer identifier, from the configuration only. Nothing that a request says changes it.
	Issuer string
	Keys   *keys.Manager
	// Tokens and Directory stand behind the endpoints: the verbs, and who may call them.
	Tokens    *issuer.Issuer
	Directory *issuer.Directory
	// Proxies are believed when they say whom they call for; none may be.
	Proxies oauth.Proxies
	// Certificates says that connections are asked for client certificates: the metadata tells of it.
	Certificates bool
	// Checks say whether this server is ready.
	Checks Checks
	Log    *slog.Logger
	// Watch is who counts and traces the requests.
	Watch Watch
}

// A Watch is told of every request. A nil field means that nobody is told.
type Watch struct {
	// Count gets the route that served the request, empty for none, and its method and status.
	Count func(route, method, code string, took time.Duration)
	// Trace begins the span of a request and returns what ends it.
	Trace func(*http.Request) (context.Context, func(route string, status int))
}

// Handler returns what http.address serves. If the issuer identifier has a path, everything stands there and, for a
// proxy that takes the path off, without it. It is an error if keys.ParseIssuer rejects the issuer identifier.
func Handler(o Options) (http.Handler, error) {
	identifier, err := keys.ParseIssuer(o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("invalid issuer identifier %q: want %w", o.Issuer, err)
	}
	metadata, err := metadata(o)
	if err != nil {
		return nil, fmt.Errorf("make the metadata: %w", err)
	}
	jwks := jwkSet(o.Keys)
	base := identifier.Path // such as /tenants/a; no slash at the end

	documents := map[string]func() document{
		"/.well-known/jwks.json":                         jwks,
		"/.well-known/openid-configuration":              metadata,
		"/.well-known/oauth-authorization-server":        metadata,
		base + "/.well-known/jwks.json":                  jwks,
		base + "/.well-known/openid-configuration":       metadata, // OpenID Connect Discovery §4: behind the path
		"/.well-known/oauth-authorization-server" + base: metadata, // RFC 8414 §3.1: before it
	}
	mux := http.NewServeMux()
	for name, current := range documents {
		mux.HandleFunc("GET "+name, func(w http.ResponseWriter, r *http.Request) { current().serve(w, r) })
	}
	e := &endpoints{issuer: o.Tokens, directory: o.Directory, proxies: o.Proxies, tokenURL: endpointURL(o.Issuer, tokenPath)}
	e.mount(mux, base)
	probes(mux, o.Checks, o.Log)
	return guard(o.Log, o.Watch, mux), nil
}

// Ops returns what ops.address serves: the probes again, the metrics, and the profiles of net/http/pprof.
func Ops(checks Checks, metrics http.Handler, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	probes(mux, checks, log)
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return guard(log, Watch{}, mux)
}

// Server returns a server for a handler, with a limit on everything that a caller can draw out.
func Server(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
