package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// statements are the functions of the drivers that take a statement, and which argument it is.
var statements = map[string]int{
	"Exec": 1, "Query": 1, "QueryRow": 1, "Prepare": 1, "ExecContext": 1, "QueryContext": 1, "QueryRowContext": 1, "PrepareContext": 1, "Queue": 0,
	"statement": 1,
}

// TestRule70_StatementsAreConstants: whatever the stores send to their databases is known when the program is compiled; what
// callers bring travels as a placeholder's value.
func TestRule70_StatementsAreConstants(t *testing.T) {
	for _, dir := range []string{"sqlite", "postgres"} {
		faults, seen, err := scanStatements(dir)
		if err != nil {
			t.Fatal(err)
		}
		if seen < 30 {
			t.Errorf("%s: only %d statements were found", dir, seen)
		}
		for _, fault := range faults {
			t.Error(fault)
		}
	}
}

// TestScanFindsMadeStatements: the scan sees what it is for.
func TestScanFindsMadeStatements(t *testing.T) {
	for text, want := range map[string]int{
		"db.Exec(ctx, `SELECT 1 FROM `+table)":                         0,
		"db.Exec(ctx, `SELECT `+name)":                                 1,
		"db.Exec(ctx, fmt.Sprintf(`SELECT %s`, name))":                 1,
		"run(ctx, `SELECT 1`)":                                         0,
		"run(ctx, `SELECT `+name)":                                     1,
		"q := `SELECT 1`; db.Exec(ctx, q)":                             0,
		"q := `SELECT 1`; q += name; db.Exec(ctx, q)":                  1,
		"for _, q := range []string{table} { db.Exec(ctx, q) }":        0,
		"for _, q := range []string{name} { db.Exec(ctx, q) }":         1,
		"db.Exec(ctx, strings.NewReplacer(`a`, table).Replace(table))": 0,
		"db.Exec(ctx, strings.NewReplacer(`a`, name).Replace(table))":  1,
		"query := name; db.Exec(ctx, query)":                           1,
		"s.statement(tx, `SELECT 1`).Exec(name, name)":                 0,
		"s.statement(tx, name).Exec(name, name)":                       1,
	} {
		file := "package x\nconst table = `t`\nfunc run(ctx any, sql string) { db.Exec(ctx, sql) }\nfunc f(ctx any) { name := g()\n" + text + "\n}"
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, "x.go", file, 0)
		if err != nil {
			t.Fatal(err)
		}
		if faults, _ := (&scan{fset: fset}).files([]*ast.File{parsed}); len(faults) != want {
			t.Errorf("%s: %q, want %d faults", text, faults, want)
		}
	}
}

func scanStatements(dir string) (faults []string, seen int, err error) {
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, 0, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			return nil, 0, err
		}
		files = append(files, f)
	}
	faults, seen = (&scan{fset: fset}).files(files)
	return faults, seen, nil
}

// A scan looks at the statements of one package.
type scan struct {
	fset   *token.FileSet
	info   types.Info
	takers map[string]int // functions that take a statement, and which argument it is
	given  map[types.Object][]ast.Expr
}

func (s *scan) files(files []*ast.File) (faults []string, seen int) {
	s.info = types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	// What other packages declare is not looked up: constants of this one are all that is wanted.
	config := types.Config{Error: func(error) {}}
	_, _ = config.Check("x", s.fset, files, &s.info)
	s.takers, s.given = maps.Clone(statements), map[types.Object][]ast.Expr{}
	for _, f := range files {
		s.assignments(f)
	}
	for grown := true; grown; { // a function that hands its parameter on takes a statement itself
		before := len(s.takers)
		faults, seen = nil, 0
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
					more, n := s.function(fn)
					faults, seen = append(faults, more...), seen+n
				}
			}
		}
		grown = len(s.takers) > before
	}
	return faults, seen
}

// assignments notes what each variable is given.
func (s *scan) assignments(f *ast.File) {
	note := func(to ast.Expr, value ast.Expr) {
		if id, ok := to.(*ast.Ident); ok {
			if o := s.object(id); o != nil {
				s.given[o] = append(s.given[o], value)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					note(to, n.Rhs[i])
				} else {
					note(to, n.Rhs[0])
				}
			}
		case *ast.ValueSpec:
			for i, value := range n.Values {
				note(n.Names[i], value)
			}
		case *ast.RangeStmt:
			list, ok := n.X.(*ast.CompositeLit)
			if n.Value != nil && ok {
				for _, element := range list.Elts {
					note(n.Value, element)
				}
			} else if n.Value != nil {
				note(n.Value, n.X)
			}
		}
		return true
	})
}

func (s *scan) object(id *ast.Ident) types.Object {
	if o := s.info.Defs[id]; o != nil {
		return o
	}
	return s.info.Uses[id]
}

// function looks at the calls in one function.
func (s *scan) function(fn *ast.FuncDecl) (faults []string, seen int) {
	parameters := map[types.Object]int{}
	position := 0
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			parameters[s.info.Defs[name]] = position
			position++
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		at, ok := s.takers[called(call.Fun)]
		if !ok || at >= len(call.Args) || prepared(call.Fun) {
			return true
		}
		seen++
		statement := call.Args[at]
		if id, ok := statement.(*ast.Ident); ok {
			if i, ok := parameters[s.object(id)]; ok && len(s.given[s.object(id)]) == 0 {
				s.takers[fn.Name.Name] = i
				return true
			}
		}
		if !s.constant(statement, 0) {
			faults = append(faults, fmt.Sprintf("%s: the statement is made when the program runs", s.fset.Position(statement.Pos())))
		}
		return true
	})
	return faults, seen
}

// prepared says whether what is called is a method of a statement that was prepared before, which takes values only. The store
// has its own from a method of this name, which takes the statement.
func prepared(f ast.Expr) bool {
	method, ok := f.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := method.X.(*ast.CallExpr)
	return ok && called(of.Fun) == "statement"
}

// called returns the last name of what is called.
func called(f ast.Expr) string {
	switch f := f.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.IndexExpr:
		return called(f.X)
	case *ast.IndexListExpr:
		return called(f.X)
	}
	return ""
}

// foreignConstants are those of libraries that stand in statements.
var foreignConstants = []string{"goose.DefaultTablename"}

// constant says whether an expression is known when the program is compiled, or a variable that is only given such.
func (s *scan) constant(e ast.Expr, depth int) bool {
	if s.info.Types[e].Value != nil {
		return true
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return s.constant(e.X, depth)
	case *ast.BinaryExpr:
		return s.constant(e.X, depth) && s.constant(e.Y, depth)
	case *ast.SelectorExpr:
		pkg, ok := e.X.(*ast.Ident)
		return ok && slices.Contains(foreignConstants, pkg.Name+"."+e.Sel.Name)
	case *ast.CallExpr: // of what only puts constants together
		made, ok := e.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"NewReplacer", "Replace"}, made.Sel.Name) {
			return false
		}
		of, ok := made.X.(*ast.CallExpr)
		return (!ok || s.constant(of, depth)) && !slices.ContainsFunc(e.Args, func(a ast.Expr) bool { return !s.constant(a, depth) })
	case *ast.Ident:
		given := s.given[s.object(e)]
		return depth < 5 && len(given) > 0 && !slices.ContainsFunc(given, func(value ast.Expr) bool { return !s.constant(value, depth+1) })
	}
	return false
}
