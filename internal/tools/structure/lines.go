package main

import (
	"go/ast"
	"go/token"
	"regexp"
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
