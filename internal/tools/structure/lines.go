package main

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// url matches the words that checkWidth does not count.
var url = regexp.MustCompile(`\S*://\S*`)

// checkWidth wants 80 columns at most of a comment and 120 of code. A tab has
// four. Directives and the lines of raw strings are exempt.
func (c *checker) checkWidth(p *pkg, file *ast.File, text string) {
	exempt := map[int]bool{}
	for n := range ast.Preorder(file) {
		if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING && s.Value[0] == '`' {
			for line := p.line(s.Pos()); line <= p.line(s.End()); line++ {
				exempt[line] = true
			}
		}
	}
	for i, line := range strings.Split(text, "\n") {
		limit := 120
		if strings.HasPrefix(strings.TrimSpace(line), "//") {
			limit = 80
		}
		line = url.ReplaceAllString(line, "")
		columns := utf8.RuneCountInString(line) + 3*strings.Count(line, "\t")
		if columns > limit && !exempt[i+1] && !strings.HasPrefix(line, "//go:") {
			c.fault("width", p.file(file.Pos()), i+1, "%d columns, more than %d", columns, limit)
		}
	}
}

// forbidden matches the words that are not used, in any case. separator matches
// what is between the words of an identifier, and capital the begin of a word.
var (
	forbidden = regexp.MustCompile(`(?i)\b(house|rooms?|roof|cellar|doors?|crowd|flights?|passengers?|boarding|heirs?|` +
		`lanes?|guess|guesses|sightings|prove|second\s+tab)\b`)
	separator = regexp.MustCompile(`[_0-9]+`)
	capital   = regexp.MustCompile(`([a-z])([A-Z])`)
)

// exempt has the directories where a word is allowed because it names a table,
// or a label of a metric.
var exempt = map[string]string{
	"internal/app": "guesses", "internal/postgres": "guesses", "internal/sqlite": "guesses",
}

// imported removes the identifiers of imported packages that have a word.
var imported = strings.NewReplacer("MaxRequestsInFlight", "")

// former matches a name in CHANGELOG.md, which also lists former names.
var former = regexp.MustCompile("`[^`]+`")

// checkWords looks for forbidden words in a file and in its name. The files of
// this command are exempt.
func (c *checker) checkWords(name string) error {
	extensions := []string{".go", ".md", ".proto", ".yaml", ".txtar"}
	if !slices.Contains(extensions, path.Ext(name)) || strings.HasPrefix(name, "internal/tools/structure/") {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(c.root, name))
	if err != nil {
		return err
	}
	for i, line := range strings.Split(name+"\n"+string(text), "\n") {
		if name == "CHANGELOG.md" {
			line = former.ReplaceAllString(line, "")
		}
		words := capital.ReplaceAllString(separator.ReplaceAllString(imported.Replace(line), " "), "$1 $2")
		for _, word := range forbidden.FindAllString(words, -1) {
			if exempt[path.Dir(name)] != word {
				c.fault("words", name, i, "%q is not used", word)
			}
		}
	}
	return nil
}
