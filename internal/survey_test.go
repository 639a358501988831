package internal_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A surveyor walks through a house and writes down where it is not as planned.
type surveyor struct {
	fsys   fs.FS
	faults []string
	// seen are the rooms with production code, in order.
	seen []string
}

// survey returns the faults of the house in fsys, and its rooms.
func survey(fsys fs.FS) (faults, seen []string) {
	s := &surveyor{fsys: fsys}
	err := fs.WalkDir(fsys, ".", func(dir string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case dir != "." && s.foreign(dir):
			return fs.SkipDir
		}
		return s.room(dir)
	})
	if err != nil {
		s.fault("the survey broke off: %v", err)
	}
	return s.faults, s.seen
}

func (s *surveyor) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// foreign says whether the go command would not look into dir for packages of this module.
func (s *surveyor) foreign(dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(s.fsys, path.Join(dir, "go.mod"))
	return err == nil
}

// room surveys the Go files of one folder.
func (s *surveyor) room(dir string) error {
	names, err := fs.Glob(s.fsys, path.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return nil
	}
	s.name(dir, path.Base(dir))
	var inhabited, described bool
	for _, name := range names {
		text, err := fs.ReadFile(s.fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			s.fault("%v", err)
			continue
		}
		s.name(name, strings.TrimSuffix(file.Name.Name, "_test"))
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		inhabited = true
		if path.Base(name) == "doc.go" {
			described = true
			s.description(dir, name, file)
		}
		s.file(dir, name, text, file)
	}
	if !inhabited {
		return nil
	}
	s.seen = append(s.seen, dir)
	if _, ok := rooms[dir]; !ok {
		s.fault("the plan has no room %s", dir)
	}
	if !described {
		s.fault("%s has no doc.go", dir)
	}
	return nil
}

// name refuses names that say nothing.
func (s *surveyor) name(where, name string) {
	if slices.Contains(homeless, name) {
		s.fault("%s: %s is not the name of a noun of ours", where, name)
	}
}

// description surveys the package comment in doc.go.
func (s *surveyor) description(dir, name string, file *ast.File) {
	text := strings.Join(strings.Fields(file.Doc.Text()), " ")
	begin := "Package " + file.Name.Name + " "
	if file.Name.Name == "main" {
		begin = "Command " + path.Base(dir) + " "
	}
	switch {
	case !strings.HasPrefix(text, begin):
		s.fault("%s: the package comment does not begin with %q", name, begin)
	case !promising(dir) && !strings.Contains(text, noPromise):
		s.fault("%s: the package comment does not say that it promises %s", name, noPromise)
	}
}

// file surveys one file of production code.
func (s *surveyor) file(dir, name string, text []byte, file *ast.File) {
	for _, spec := range file.Imports {
		s.arrow(dir, name, strings.Trim(spec.Path.Value, "\"`"))
	}
	if ast.IsGenerated(file) {
		return
	}
	if lines := bytes.Count(text, []byte("\n")); lines > maxLines {
		s.fault("%s has %d lines; %d are the limit", name, lines, maxLines)
	}
	for _, decl := range file.Decls {
		for _, bare := range undocumented(decl) {
			s.fault("%s: %s has no comment", name, bare)
		}
	}
}

// arrow surveys one import.
func (s *surveyor) arrow(dir, name, imported string) {
	allowed, planned := wall(imported)
	if to, ours := strings.CutPrefix(imported, module+"/"); ours {
		allowed, planned = nil, true
		may := rooms[dir]
		if slices.Contains(may, to) || slices.Contains(may, everything) && !slices.Contains(proof, to) {
			return
		}
		imported = to
	}
	switch {
	case !planned && strings.Contains(strings.Split(imported, "/")[0], "."):
		s.fault("%s: the plan has no library %s", name, imported)
	case planned && !slices.Contains(allowed, dir):
		s.fault("%s: %s may not import %s", name, dir, imported)
	}
}

// wall returns the rooms that may import a package, and whether the plan has a wall for it.
func wall(imported string) (allowed []string, planned bool) {
	for begin := imported; begin != "."; begin = path.Dir(begin) {
		if allowed, planned = walls[begin]; planned {
			return allowed, true
		}
	}
	return nil, false
}

// undocumented returns the exported names that a declaration gives and does not explain. Fields of a struct may speak for
// themselves; the promises of an interface may not.
func undocumented(decl ast.Decl) (bare []string) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		name, exported := decl.Name.Name, decl.Name.IsExported()
		if decl.Recv != nil {
			receiver := base(decl.Recv.List[0].Type)
			name, exported = receiver+"."+name, exported && ast.IsExported(receiver)
		}
		if exported && decl.Doc == nil {
			bare = append(bare, name)
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			bare = append(bare, undocumentedSpec(decl, spec)...)
		}
	}
	return bare
}

// undocumentedSpec does it for one type, or one line of constants or variables. The comment of a group of constants or
// variables explains each of them.
func undocumentedSpec(decl *ast.GenDecl, spec ast.Spec) (bare []string) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				bare = append(bare, name.Name)
			}
		}
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return nil
		}
		if spec.Doc == nil && (decl.Doc == nil || decl.Lparen.IsValid()) {
			bare = append(bare, spec.Name.Name)
		}
		promises, ok := spec.Type.(*ast.InterfaceType)
		if !ok {
			return bare
		}
		for _, method := range promises.Methods.List {
			for _, name := range method.Names {
				if name.IsExported() && method.Doc == nil && method.Comment == nil {
					bare = append(bare, spec.Name.Name+"."+name.Name)
				}
			}
		}
	}
	return bare
}

// base returns the name of a receiver's type.
func base(receiver ast.Expr) string {
	switch t := receiver.(type) {
	case *ast.StarExpr:
		return base(t.X)
	case *ast.IndexExpr:
		return base(t.X)
	case *ast.IndexListExpr:
		return base(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}
