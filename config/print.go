package config

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML returns the whole configuration as a file that Load can read. It hides
// secrets. The keys have the order of signet.yaml.
func (c Config) YAML() ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fields(&c) {
		path := strings.Split(f.key, ".")
		section := root
		for _, name := range path[:len(path)-1] {
			section = child(section, name)
		}
		if err := child(section, path[len(path)-1]).Encode(plain(f.value)); err != nil {
			return nil, fmt.Errorf("encode %s: %w", f.key, err)
		}
	}

	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := encoder.Encode(root)
	return out.Bytes(), err
}

// child returns the value node of a key in a mapping and adds it if it does not
// exist. The keys of one section come one after the other, so child compares
// only the last key of the mapping.
func child(mapping *yaml.Node, name string) *yaml.Node {
	if n := len(mapping.Content); n > 0 && mapping.Content[n-2].Value == name {
		return mapping.Content[n-1]
	}
	value := &yaml.Node{Kind: yaml.MappingNode}
	mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
	return value
}

// Redacted returns the content of YAML for other encoders, such as JSON.
// Sections are maps. Durations and sizes are strings with units.
func (c Config) Redacted() (map[string]any, error) {
	text, err := c.YAML()
	if err != nil {
		return nil, err
	}
	var all map[string]any
	return all, yaml.Unmarshal(text, &all)
}
