package apply

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/keys"
)

// Export returns the records of a directory as a file that Read accepts. It has
// no secrets.
func Export(d client.Directory) ([]byte, error) {
	lists := &yaml.Node{Kind: yaml.MappingNode}
	if err := exportList(lists, "audiences", audiences, d.Audiences); err != nil {
		return nil, err
	}
	if err := exportList(lists, "clients", clients, d.Clients); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(lists); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

func exportList[T client.Client | client.Audience](to *yaml.Node, name string, k kind[T], records []T) error {
	items := &yaml.Node{Kind: yaml.SequenceNode}
	for _, rec := range records {
		item := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range k.fields {
			if f.value == nil {
				continue
			}
			value, err := exportValue(f.value(rec))
			if err != nil {
				return fmt.Errorf("%s %s: %s: %w", k.name, k.id(rec), f.name, err)
			}
			if value != nil {
				setMember(item, f.name, value)
			}
		}
		items.Content = append(items.Content, item)
	}
	setMember(to, name, items)
	return nil
}

// setMember adds a member to a mapping. A dot in the name stands for a mapping
// within the mapping, whose members follow each other.
func setMember(to *yaml.Node, name string, value *yaml.Node) {
	if outer, inner, ok := strings.Cut(name, "."); ok {
		last := len(to.Content) - 1
		if last < 1 || to.Content[last-1].Value != outer {
			setMember(to, outer, &yaml.Node{Kind: yaml.MappingNode})
			last = len(to.Content) - 1
		}
		setMember(to.Content[last], inner, value)
		return
	}
	to.Content = append(to.Content, textNode(name), value)
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// exportValue returns the value of a field, and nil for the default.
func exportValue(value any) (*yaml.Node, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		return textNode(v), nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}, nil
	case int:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(v)}, nil
	case []string:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, text := range v {
			list.Content = append(list.Content, textNode(text))
		}
		return list, nil
	case publicKeys:
		return v.export()
	}
	return nil, fmt.Errorf("a value has the type %T", value)
}

// export returns the keys as a JWK Set.
func (k publicKeys) export() (*yaml.Node, error) {
	all := make([]keys.ClientKey, len(k))
	for i, key := range k {
		all[i] = keys.ClientKey{ID: key.ID, Algorithm: key.Algorithm, Public: key.Public}
	}
	jwks, err := keys.FormatClientKeys(all)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(jwks, &document); err != nil { // JSON is YAML
		return nil, err
	}
	inBlocks(document.Content[0])
	return document.Content[0], nil
}

// inBlocks removes the style of JSON.
func inBlocks(n *yaml.Node) {
	n.Style = 0
	for _, inner := range n.Content {
		inBlocks(inner)
	}
}
