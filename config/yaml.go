package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A setting is the value of one key as somebody wrote it.
type setting struct {
	key, text, origin string
}

// find reads the file that was named, or else the first of the usual ones that exists. No file at all is no error.
func (s Sources) find(dataDir string) (name string, text []byte, err error) {
	if s.File != "" {
		if text, err = s.read(s.File); err != nil {
			return "", nil, fmt.Errorf("read the configuration: %w", err)
		}
		return s.File, text, nil
	}
	names := []string{"signet.yaml"}
	if dir := s.xdgConfigHome(); dir != "" {
		names = append(names, filepath.Join(dir, "signet", "signet.yaml"))
	}
	names = append(names, "/etc/signet/signet.yaml")
	if s.DevFile {
		names = append(names, filepath.Join(dataDir, DevFile))
	}
	for _, name := range names {
		text, err := s.read(name)
		switch {
		case err == nil:
			return name, text, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", nil, fmt.Errorf("read the configuration: %w", err)
		}
	}
	return "", nil, nil
}

// A yamlFile is a file while it is being taken apart. YAML's own types play no part: every value is taken as the text that
// stands there, so that it means what it means in the environment and in a flag.
type yamlFile struct {
	name     string
	keys     []string // all keys there are
	lists    []string // those of them that take a list
	settings []setting
	faults   []fault
}

// readYAML returns the settings of a file, and what is wrong with its keys. A key without a value (null) is not set. An
// error means that it is not YAML at all.
func readYAML(name string, text []byte, keys, lists []string) ([]setting, []fault, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, fmt.Errorf("read the configuration %s: %w", name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("read the configuration %s: it holds more than one document", name)
	}
	f := &yamlFile{name: name, keys: keys, lists: lists}
	f.value("", document.Content[0])
	return f.settings, f.faults, nil
}

// value takes what stands behind a key; "" is the key of the whole file.
func (f *yamlFile) value(key string, node *yaml.Node) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	leaf := slices.Contains(f.keys, key)
	switch {
	case key != "" && !leaf && len(f.below(key)) == 0:
		section := key[:max(0, strings.LastIndex(key, "."))]
		f.fault(node, fmt.Sprintf("%q", key), "is not a key of Signet", "one of "+strings.Join(f.below(section), ", "))
	case node.ShortTag() == "!!null":
	case leaf && node.Kind == yaml.ScalarNode:
		f.settings = append(f.settings, setting{key, node.Value, f.line(node)})
	case slices.Contains(f.lists, key) && node.Kind == yaml.SequenceNode:
		f.list(key, node)
	case leaf:
		f.fault(node, key, "is a list or a mapping", "one value")
	case node.Kind == yaml.MappingNode:
		f.mapping(key, node)
	default:
		f.fault(node, cmp.Or(key, "the file"), "has a value of its own", "the keys "+strings.Join(f.below(key), ", ")+" below it")
	}
}

// list takes a list as the text that it is in the environment: its values, separated by commas.
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

func (f *yamlFile) mapping(key string, node *yaml.Node) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		path := strings.TrimPrefix(key+"."+name.Value, ".")
		switch {
		case name.Kind != yaml.ScalarNode || name.Value == "" || strings.Contains(name.Value, "."):
			f.fault(name, fmt.Sprintf("%q", name.Value), "is not a key of Signet", "names without a dot, each section on a line of its own")
		case seen[path]:
			f.fault(name, fmt.Sprintf("%q", path), "is given twice", "it once")
		default:
			seen[path] = true
			f.value(path, value)
		}
	}
}

// below returns the keys and sections directly below a section.
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
	f.faults = append(f.faults, fault{key, problem, wanted, f.line(node)})
}
