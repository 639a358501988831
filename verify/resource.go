package verify

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
)

// metadataPath is the well-known path of RFC 9728 §3.
const metadataPath = "/.well-known/oauth-protected-resource"

// metadataURL returns where the metadata of a resource is: the well-known path
// is inserted between the host and the path (RFC 9728 §3.1).
func metadataURL(resource string) string {
	u, err := url.Parse(resource)
	if err != nil {
		return "" // New has parsed it
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	address := u.Scheme + "://" + u.Host + metadataPath + path
	if u.RawQuery != "" {
		address += "?" + u.RawQuery
	}
	return address
}

// resourceMetadata is the metadata of a protected resource (RFC 9728 §2).
type resourceMetadata struct {
	Resource    string   `json:"resource"`
	Servers     []string `json:"authorization_servers"`
	Scopes      []string `json:"scopes_supported,omitempty"`
	BearerToken []string `json:"bearer_methods_supported"`
}

// Metadata returns a handler for the metadata of this service as a protected
// resource (RFC 9728): which issuer its tokens are from, and which scope values
// it knows. From the challenges of Middleware, a client learns its address,
// which is /.well-known/oauth-protected-resource followed by the path of
// Options.Resource. Metadata panics if Options.Resource is not set.
func (v *Verifier) Metadata(scope ...string) http.Handler {
	if v.options.Resource == "" {
		panic("verify: Metadata needs Options.Resource")
	}
	body, err := json.Marshal(resourceMetadata{
		Resource: v.options.Resource, Servers: []string{v.identifier}, Scopes: slices.Clone(scope),
		BearerToken: []string{"header"},
	})
	if err != nil {
		panic(err) // strings are always encoded
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "the method is not allowed", http.StatusMethodNotAllowed)
			return
		}
		header.Set("Content-Type", "application/json")
		header.Set("Cache-Control", "public, max-age=300")
		header.Set("Access-Control-Allow-Origin", "*")
		_, _ = w.Write(body) // an error means that the caller has disconnected
	})
}
