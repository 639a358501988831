package config

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML returns the whole configuration as a file that Load reads, secrets hidden, in the order of signet.yaml.
func (c Config) YAML() ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, l := range leaves(&c) {
		path := strings.Split(l.key, ".")
		section := root
		for _, name := range path[:len(path)-1] {
			section = child(section, name)
		}
		if err := child(section, path[len(path)-1]).Encode(plain(l.value)); err != nil {
			return nil, fmt.Errorf("encode %s: %w", l.key, err)
		}
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := encoder.Encode(root)
	return out.Bytes(), err
}

// child returns the node behind a key of a mapping. Keys come in order, so that it is the last one or new.
func child(mapping *yaml.Node, name string) *yaml.Node {
	if n := len(mapping.Content); n > 0 && mapping.Content[n-2].Value == name {
		return mapping.Content[n-1]
	}
	value := &yaml.Node{Kind: yaml.MappingNode}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
	return value
}

// Redacted returns the same as YAML for other encoders, such as JSON: sections are maps, durations and sizes strings with
// their units.
func (c Config) Redacted() (map[string]any, error) {
	text, err := c.YAML()
	if err != nil {
		return nil, err
	}
	var all map[string]any
	return all, yaml.Unmarshal(text, &all)
}
