package apply

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/oauth"
)

// A reader reads YAML nodes and collects their faults. It takes each value as
// the text in the file, so that an id such as 007 or a scope such as on means
// the same with quotes and without.
type reader struct {
	name, dir string
	// what is the record that is read, such as "client shop", and field the
	// name of its field.
	what, field string
	faults      []fault
}

// A fault is what is wrong in one line.
type fault struct {
	line int
	text string
}

func (r *reader) fault(n *yaml.Node, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if r.what != "" {
		text = r.what + ": " + text
	}
	r.faults = append(r.faults, fault{n.Line, text})
}

// plain reports whether the nodes have no aliases and no tags. An alias can
// make a small file large.
func (r *reader) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		r.fault(n, "an alias (*%s) is not supported", n.Value)
		return false
	case n.Style&yaml.TaggedStyle != 0:
		r.fault(n, "a tag (%s) is not supported", n.Tag)
		return false
	}
	ok := true
	for _, inner := range n.Content {
		ok = r.plain(inner) && ok
	}
	return ok
}

// mapping calls the function of each name of a mapping. A name whose value is
// null is as if it was not there, unless the value is a list of records.
func (r *reader) mapping(n *yaml.Node, where string, set map[string]func(*yaml.Node), names []string) {
	if n.Kind != yaml.MappingNode {
		r.fault(n, "%s must have the fields %s", where, strings.Join(names, ", "))
		return
	}
	seen := make(map[string]bool, len(n.Content))
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		read, known := set[name.Value]
		switch {
		case !known || name.Kind != yaml.ScalarNode:
			r.fault(name, "%q is not a field; the fields are %s", name.Value, strings.Join(names, ", "))
		case seen[name.Value]:
			r.fault(name, "%s is set twice", name.Value)
		case isNull(value) && r.what != "":
		default:
			r.field = name.Value
			read(value)
		}
		seen[name.Value] = true
	}
}

// isNull reports whether a value is null, which is the same as no value.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// text returns the text of a scalar. The functions that read a value add a
// fault if it is not of their type.
func (r *reader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		r.fault(n, "%s must be a text", r.field)
		return ""
	}
	return n.Value
}

func (r *reader) flag(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
		r.fault(n, "%s must be true or false", r.field)
	}
	return n.Value == "true"
}

func (r *reader) number(n *yaml.Node) int {
	number, err := strconv.Atoi(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		r.fault(n, "%s must be a number", r.field)
	}
	return number
}

func (r *reader) duration(n *yaml.Node) time.Duration {
	d, err := time.ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		r.fault(n, "%s must be a duration such as 90s, 30m or 720h", r.field)
	}
	return d
}

// list returns the texts of a list, and nil for an empty one.
func (r *reader) list(n *yaml.Node) []string {
	var texts []string
	valid := n.Kind == yaml.SequenceNode
	for _, item := range n.Content {
		valid = valid && item.Kind == yaml.ScalarNode && !isNull(item)
		texts = append(texts, item.Value)
	}
	if !valid {
		r.fault(n, "%s must be a list of texts", r.field)
	}
	return texts
}

// scope reads scope tokens that are separated by spaces (RFC 6749 §3.3).
func (r *reader) scope(n *yaml.Node) oauth.Scope {
	scope, err := oauth.ParseScope(r.text(n))
	if err != nil {
		r.fault(n, "%s", oauth.AsError(err).Sentence)
	}
	return scope
}

// path reads the path of another file.
func (r *reader) path(n *yaml.Node) string {
	path := r.text(n)
	if path != "" && !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	return path
}
