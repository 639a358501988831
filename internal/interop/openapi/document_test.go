package openapi

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/web"
)

// The addresses of the document.
const (
	publicURL  = "http://127.0.0.1:8080"
	opsURL     = "http://127.0.0.1:8081"
	gatewayURL = "http://127.0.0.1:8082"
)

// load reads the document, which must be valid.
func load(t *testing.T) *openapi3.T {
	t.Helper()
	const file = "../../../docs/openapi.yaml"
	document, err := openapi3.NewLoader().LoadFromFile(file)
	must(t, err)
	must(t, document.Validate(context.Background()))

	// Other parsers of YAML are stricter than that of the loader.
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, yaml.Unmarshal(text, new(any)))
	return document
}

// paths returns the paths of the document at an address, sorted.
func paths(document *openapi3.T, address string) []string {
	var all []string
	for path, item := range document.Paths.Map() {
		servers := item.Servers
		if len(servers) == 0 {
			servers = document.Servers
		}
		if slices.ContainsFunc(servers, func(s *openapi3.Server) bool { return s.URL == address }) {
			all = append(all, path)
		}
	}
	slices.Sort(all)
	return all
}

// The paths of the document are exactly those that the servers have.
func TestDocument_HasAllRoutes(t *testing.T) {
	document, f := load(t), issuertest.New(t, setup)
	routes, err := web.RoutesOf(options(f))
	must(t, err)
	equal(t, "http.address", paths(document, publicURL), served(routes.Public))
	equal(t, "ops.address", paths(document, opsURL), served(routes.Ops))

	var questions []string
	for _, beginning := range routes.Gateway {
		rest := "{audience}"
		if strings.HasSuffix(beginning, "/ext-authz/") {
			rest += "/{uri}"
		}
		questions = append(questions, beginning+rest)
	}
	equal(t, "gateway.address", paths(document, gatewayURL), questions)
}

// If the issuer identifier has a path, the endpoints are also below it.
func TestDocument_HasAllRoutesOfIssuerWithPath(t *testing.T) {
	document, f := load(t), issuertest.New(t, setup)
	o := options(f)
	o.Issuer = "https://id.example/tenants/a"
	routes, err := web.RoutesOf(o)
	must(t, err)

	var want []string
	for _, path := range paths(document, publicURL) {
		want = append(want, path)
		switch path {
		case "/livez", "/readyz":
		case "/.well-known/oauth-authorization-server":
			want = append(want, path+"/tenants/a")
		default:
			want = append(want, "/tenants/a"+path)
		}
	}
	slices.Sort(want)
	equal(t, "http.address", want, served(routes.Public))
}

// served returns the paths of http.ServeMux patterns as the document has them.
// The profiles are for the tool pprof and not in the document.
func served(patterns []string) []string {
	var all []string
	for _, pattern := range patterns {
		path := strings.TrimPrefix(pattern, "GET ")
		if strings.HasPrefix(path, "/debug/pprof/") {
			continue
		}
		all = append(all, strings.Replace(path, web.Script().Path, "/session/signet-{digest}.js", 1))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func equal(t *testing.T, what string, document, code []string) {
	t.Helper()
	if !slices.Equal(document, code) {
		t.Errorf("%s: the document has\n%s\nand the code\n%s",
			what, strings.Join(document, "\n"), strings.Join(code, "\n"))
	}
}

// A path has exactly the methods of the document. GET includes HEAD.
func TestDocument_HasAllMethods(t *testing.T) {
	document, f := load(t), newFixture(t)
	for _, path := range paths(document, publicURL) {
		operations := document.Paths.Value(path).Operations()
		for _, method := range []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
			http.MethodOptions, http.MethodTrace,
		} {
			documented := operations[method]
			if method == http.MethodHead {
				documented = operations[http.MethodGet]
			}
			header := http.Header{"Origin": {pageOrigin}, "Access-Control-Request-Method": {"POST"}}
			if strings.HasPrefix(path, "/oauth2/") {
				header.Set("Origin", spaOrigin)
			}
			url := f.public.url + strings.Replace(path, "/session/signet-{digest}.js", web.Script().Path, 1)
			response, _ := roundTrip(t, f.public, method, url, header, "")
			if (response.StatusCode != http.StatusMethodNotAllowed) != (documented != nil) {
				t.Errorf("%s %s: got status %d, and the document has it: %t",
					method, path, response.StatusCode, documented != nil)
			}
		}
	}
}

// The error codes of the document are those of the code. The administration
// has three more, over gRPC only.
func TestDocument_HasAllErrorCodes(t *testing.T) {
	document := load(t)
	codes := []string{
		string(oauth.AlreadyExists), string(oauth.NotFound), string(oauth.FailedPrecondition),
	}
	for _, schema := range document.Components.Schemas {
		if e := schema.Value.Properties["error"]; e != nil {
			for _, code := range e.Value.Enum {
				codes = append(codes, code.(string))
			}
		}
	}
	slices.Sort(codes)
	want := []string{string(web.InvalidToken)}
	for _, code := range oauth.Codes() {
		want = append(want, string(code))
	}
	slices.Sort(want)
	equal(t, "error codes", slices.Compact(codes), want)
}

// options returns the options of a server with all endpoints.
func options(f *issuertest.Fixture) web.Options {
	return web.Options{
		Issuer: issuerID, Keys: f.Keys, TokenIssuer: f.Issuer, Inspector: f.Inspector, Grants: f.Grants,
		Registry: f.Registry, Browser: f.Browser, Feed: f.Feed, Certificates: true,
		Log: slog.New(slog.DiscardHandler),
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
