package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/privatefile"
)

// MaxSize is the maximum size of a file in bytes.
const MaxSize = 4 << 20

// A File has the records that a file describes.
type File struct {
	reader *reader
	// audiences and clients are nil if the file does not have that list.
	audiences []*record[client.Audience]
	clients   []*record[client.Client]
}

// Read reads a file of that name. Paths in it are relative to its directory. If
// the text is not YAML, Read returns an error. All other faults are in the
// errors of Compare.
func Read(name string, in io.Reader) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(in, MaxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > MaxSize:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, MaxSize)
	}
	if text, err = privatefile.Text(text); err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}

	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s has neither a list of audiences nor one of clients", name)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s holds more than one YAML document", name)
	}

	f := &File{reader: &reader{name: name, dir: filepath.Dir(name)}}
	f.read(document.Content[0])
	return f, nil
}

// read reads the two lists.
func (f *File) read(root *yaml.Node) {
	r := f.reader
	if !r.plain(root) {
		return
	}
	lists := map[string]func(*yaml.Node){
		"audiences": func(n *yaml.Node) { f.audiences = readRecords(r, audiences, n) },
		"clients":   func(n *yaml.Node) { f.clients = readRecords(r, clients, n) },
	}
	r.mapping(root, "the file", lists, []string{"audiences", "clients"})
	if f.audiences == nil && f.clients == nil && len(r.faults) == 0 {
		r.fault(root, "the file has neither a list of audiences nor one of clients")
	}
	f.readSecrets()
}

// readRecords reads a list of records. It returns nil if there is no list.
func readRecords[T client.Client | client.Audience](r *reader, k kind[T], n *yaml.Node) []*record[T] {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, "%ss must be a list; an empty list is []", k.name)
		return nil
	}
	records := make([]*record[T], 0, len(n.Content))
	lines := make(map[string]int, len(n.Content))
	for _, item := range n.Content {
		rec := readRecord(r, k, item)
		id := k.id(rec.value)
		if line, again := lines[id]; again {
			r.fault(item, "%s %s is in the file twice, also in line %d", k.name, id, line)
			continue
		}
		if id != "" {
			lines[id] = item.Line
			records = append(records, rec)
		}
	}
	return records
}

// readRecord reads one record. The id comes first, because the other faults
// name it.
func readRecord[T client.Client | client.Audience](r *reader, k kind[T], n *yaml.Node) *record[T] {
	rec := &record[T]{line: n.Line}
	before := len(r.faults)
	defer func() { r.what = ""; rec.faulty = len(r.faults) > before }()
	if n.Kind != yaml.MappingNode {
		r.fault(n, "each of the %ss must have an id and other fields", k.name)
		return rec
	}
	set := map[string]func(*yaml.Node){}
	var names []string
	for _, field := range k.fields {
		if field.read != nil {
			names = append(names, field.name)
			set[field.name] = func(n *yaml.Node) { field.read(r, n, rec) }
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "id" && !isNull(n.Content[i+1]) {
			r.field = "id"
			set["id"](n.Content[i+1])
		}
	}
	id := k.id(rec.value)
	if id == "" && len(r.faults) == before {
		r.fault(n, "each of the %ss must have an id", k.name)
	}
	r.what = k.name + " " + id
	set["id"] = func(*yaml.Node) {}
	r.mapping(n, r.what, set, names)
	return rec
}

// printable replaces a character that could move the cursor of a terminal.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

// faults returns what is wrong with the file, by line. Each line of the text
// begins with the name of the file and the line.
func (f *File) faults(more ...fault) error {
	all := append(slices.Clone(f.reader.faults), more...)
	slices.SortStableFunc(all, func(a, b fault) int { return a.line - b.line })
	errs := make([]error, len(all))
	for i, one := range all {
		errs[i] = fmt.Errorf("%s:%d: %s", f.reader.name, one.line, strings.Map(printable, one.text))
	}
	return errors.Join(errs...)
}
