package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A yamlFile collects the settings and faults of one file. It ignores YAML's
// own types and takes each value as the text in the file. So a value means the
// same in a file, in the environment and in a flag.
type yamlFile struct {
	name     string
	keys     []string // all known keys
	lists    []string // the keys that accept a list
	settings []setting
	faults   []fault
}

// readYAML returns the settings of a file and the faults of its keys. A key
// whose value is null is not set. The error reports text that is not YAML or
// that holds more than one document.
func readYAML(name string, text []byte, keys, lists []string) ([]setting, []fault, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, fmt.Errorf("read configuration %s: %w", name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("read configuration %s: it holds more than one document", name)
	}

	f := &yamlFile{name: name, keys: keys, lists: lists}
	f.value("", document.Content[0])
	return f.settings, f.faults, nil
}

// value reads the value of a key. The key "" stands for the whole file.
func (f *yamlFile) value(key string, node *yaml.Node) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	isKey := slices.Contains(f.keys, key)
	switch {
	case key != "" && !isKey && len(f.below(key)) == 0:
		section := key[:max(0, strings.LastIndex(key, "."))]
		f.fault(node, fmt.Sprintf("%q", key), "is not a key of Signet", "one of "+strings.Join(f.below(section), ", "))
	case node.ShortTag() == "!!null":
	case isKey && node.Kind == yaml.ScalarNode:
		f.settings = append(f.settings, setting{key, node.Value, f.line(node)})
	case slices.Contains(f.lists, key) && node.Kind == yaml.SequenceNode:
		f.list(key, node)
	case isKey:
		f.fault(node, key, "is a list or a mapping", "one value")
	case node.Kind == yaml.MappingNode:
		f.mapping(key, node)
	default:
		f.fault(node, cmp.Or(key, "the file"), "is not a mapping",
			"the keys "+strings.Join(f.below(key), ", ")+" below it")
	}
}

// list reads a list and joins its values with commas, the form that lists have
// in the environment.
func (f *yamlFile) list(key string, node *yaml.Node) {
	items := make([]string, len(node.Content))
	for i, item := range node.Content {
		if item.Kind != yaml.ScalarNode {
			f.fault(item, key, "holds a list or a mapping", "a list of values")
			return
		}
		items[i] = item.Value
	}
	f.settings = append(f.settings, setting{key, strings.Join(items, ","), f.line(node)})
}

// mapping reads the keys of a section. It reports names that contain a dot and
// names that occur twice.
func (f *yamlFile) mapping(key string, node *yaml.Node) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		path := strings.TrimPrefix(key+"."+name.Value, ".")
		switch {
		case name.Kind != yaml.ScalarNode || name.Value == "" || strings.Contains(name.Value, "."):
			f.fault(name, fmt.Sprintf("%q", name.Value), "is not a key of Signet",
				"names without a dot, each section on a line of its own")
		case seen[path]:
			f.fault(name, fmt.Sprintf("%q", path), "is set twice", "one value")
		default:
			seen[path] = true
			f.value(path, value)
		}
	}
}

// below returns the names of the keys and sections directly below a section.
func (f *yamlFile) below(section string) []string {
	var names []string
	for _, key := range f.keys {
		rest, ok := strings.CutPrefix(key, section+".")
		if section == "" {
			rest, ok = key, true
		}
		if name, _, _ := strings.Cut(rest, "."); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (f *yamlFile) line(node *yaml.Node) string { return fmt.Sprintf("%s:%d", f.name, node.Line) }

func (f *yamlFile) fault(node *yaml.Node, key, problem, wanted string) {
	f.faults = append(f.faults, newFault(key, problem, wanted, f.line(node)))
}
