package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// checks are the names of all checks.
const checks = "doc,methods,cycles,width"

func main() {
	only := flag.String("only", checks, "the checks to run")
	root := flag.String("root", ".", "the directory of the repository")
	flag.Parse()
	c := &checker{root: *root, checks: strings.Split(*only, ",")}
	if err := c.run(); err != nil {
		c.faults = append(c.faults, err.Error())
	}
	if len(c.faults) > 0 {
		fmt.Println(strings.Join(c.faults, "\n"))
		os.Exit(1)
	}
}

// A checker collects what the enabled checks find below a root directory.
type checker struct {
	root   string
	checks []string
	faults []string
}

// fault records a fault if its check is enabled.
func (c *checker) fault(check, file string, line int, format string, args ...any) {
	if slices.Contains(c.checks, check) {
		c.faults = append(c.faults, fmt.Sprintf("%s:%d: %s: %s", file, line, check, fmt.Sprintf(format, args...)))
	}
}

// run checks all files and packages below the root directory.
func (c *checker) run() error {
	for _, check := range c.checks {
		if !slices.Contains(strings.Split(checks, ","), check) {
			return fmt.Errorf("there is no check %q, only %s", check, checks)
		}
	}
	err := fs.WalkDir(os.DirFS(c.root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case entry.Name() == ".git" || entry.Name() == "node_modules":
			return fs.SkipDir
		case slices.Contains(strings.Split(name, "/"), "testdata"):
			return nil
		}
		return c.checkPackage(name)
	})
	slices.Sort(c.faults)
	return err
}

// A pkg is the production code of one package without its generated files.
type pkg struct {
	dir   string
	fset  *token.FileSet
	files []*ast.File
}

func (p *pkg) file(pos token.Pos) string { return p.fset.Position(pos).Filename }

func (p *pkg) line(pos token.Pos) int { return p.fset.Position(pos).Line }

// checkPackage runs the checks of Go code in one directory.
func (c *checker) checkPackage(dir string) error {
	names, _ := fs.Glob(os.DirFS(c.root), path.Join(dir, "*.go"))
	built, _ := build.ImportDir(filepath.Join(c.root, dir), 0) // fails where there are only tests
	p := &pkg{dir: dir, fset: token.NewFileSet()}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(c.root, name))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(p.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if ast.IsGenerated(file) {
			continue
		}
		c.checkWidth(p, file, string(text))
		if slices.Contains(built.GoFiles, path.Base(name)) {
			p.files = append(p.files, file)
		}
	}
	if len(p.files) > 0 {
		c.checkDoc(p)
		c.checkMethods(p)
		c.checkCycles(p)
	}
	return nil
}
