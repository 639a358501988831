package apply

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/privatefile"
)

// publicKeys are the public keys of a client, as the value of a field.
type publicKeys []client.Key

// Texts returns the kid and the algorithm of each key.
func (k publicKeys) Texts() []string {
	texts := make([]string, len(k))
	for i, key := range k {
		texts[i] = key.ID + " (" + key.Algorithm + ")"
	}
	return texts
}

// MarshalJSON implements json.Marshaler.
func (k publicKeys) MarshalJSON() ([]byte, error) { return json.Marshal(k.Texts()) }

func keysOf(c client.Client) any {
	if len(c.Keys) == 0 {
		return nil
	}
	return publicKeys(c.Keys)
}

// readJWKS reads a JWK Set (RFC 7517 §5) that stands in the file.
func readJWKS(r *reader, n *yaml.Node, to *aClient) {
	document, ok := asJSON(n)
	if !ok {
		r.fault(n, "jwks must be a JWK Set")
		return
	}
	jwks, err := json.Marshal(document)
	if err != nil {
		r.fault(n, "jwks: %v", err)
		return
	}
	readKeys(r, n, to, jwks)
}

// readJWKSFile reads a JWK Set from a file of its own.
func readJWKSFile(r *reader, n *yaml.Node, to *aClient) {
	path := r.path(n)
	if path == "" {
		return
	}
	jwks, err := privatefile.ReadPublic(path)
	if err != nil {
		r.fault(n, "jwks_file: %v", err)
		return
	}
	readKeys(r, n, to, jwks)
}

func readKeys(r *reader, n *yaml.Node, to *aClient, jwks []byte) {
	if to.value.Keys != nil {
		r.fault(n, "a client has either jwks or jwks_file")
		return
	}
	found, err := admin.ReadClientKeys(jwks)
	if err != nil {
		r.fault(n, "%s", oauth.AsError(err).Sentence)
	}
	to.value.Keys = found
}

// asJSON returns a node as a value for encoding/json. All scalars are strings,
// as in the JWKs that Signet accepts.
func asJSON(n *yaml.Node) (value any, ok bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, true
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, inner := range n.Content {
			if items[i], ok = asJSON(inner); !ok {
				return nil, false
			}
		}
		return items, true
	case yaml.MappingNode:
		members := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i]
			if _, again := members[name.Value]; again || name.Kind != yaml.ScalarNode {
				return nil, false
			}
			if members[name.Value], ok = asJSON(n.Content[i+1]); !ok {
				return nil, false
			}
		}
		return members, true
	}
	return nil, false
}
