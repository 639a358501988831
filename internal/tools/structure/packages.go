package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"slices"
	"strings"
)

// checkDoc wants a doc.go that has the package comment.
func (c *checker) checkDoc(p *pkg) {
	prefix := "Package " + p.files[0].Name.Name + " "
	if p.files[0].Name.Name == "main" {
		prefix = "Command " + path.Base(p.dir) + " "
	}
	i := slices.IndexFunc(p.files, func(f *ast.File) bool { return path.Base(p.file(f.Pos())) == "doc.go" })
	if i < 0 || !strings.HasPrefix(strings.ReplaceAll(p.files[i].Doc.Text(), "\n", " "), prefix) {
		c.fault("doc", p.dir, 1, "the package has no doc.go with a comment that begins with %q", prefix)
	}
}

// maxMethods limits the methods of a receiver. The two stores have a method for
// each state change. A gRPC server has one for each call of its .proto file.
const maxMethods = 20

var (
	stores     = []string{"internal/sqlite.Store", "internal/postgres.Store"}
	grpcServer = regexp.MustCompile(`^Unimplemented.*Server$`)
)

// checkMethods counts the methods of each receiver.
func (c *checker) checkMethods(p *pkg) {
	methods, exempt := map[string][]token.Pos{}, map[string]bool{}
	for _, f := range p.files {
		for n := range ast.Preorder(f) {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil {
					name := typeName(n.Recv.List[0].Type)
					methods[name] = append(methods[name], n.Pos())
				}
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					exempt[n.Name.Name] = slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool {
						return len(f.Names) == 0 && grpcServer.MatchString(typeName(f.Type))
					})
				}
			}
		}
	}
	for name, at := range methods {
		if len(at) > maxMethods && !exempt[name] && !slices.Contains(stores, p.dir+"."+name) {
			first := at[maxMethods]
			c.fault("methods", p.file(first), p.line(first),
				"%s has %d methods, more than %d", name, len(at), maxMethods)
		}
	}
}

// typeName returns the name of a type such as *x.T[K] without its package.
func typeName(e ast.Expr) string {
	return regexp.MustCompile(`(?:\w+\.)?(\w+)`).FindStringSubmatch(types.ExprString(e))[1]
}

// checkCycles reports pairs of files that use each other's package-level
// declarations. The receiver of a method, and selecting a method or a field, is
// no use: the methods of one type may be in several files.
func (c *checker) checkCycles(p *pkg) {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Error: func(error) {}} // Nothing is imported, so there are errors.
	checked, _ := config.Check(p.dir, p.fset, p.files, info)

	uses := map[[2]string][]string{} // what the first file uses of the second
	for _, f := range p.files {
		skip := map[ast.Node]bool{}
		for n := range ast.Preorder(f) {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil {
					for part := range ast.Preorder(n.Recv) {
						skip[part] = true
					}
				}
			case *ast.SelectorExpr:
				skip[n.Sel] = true
			case *ast.KeyValueExpr: // of a struct of another package
				id, ok := n.Key.(*ast.Ident)
				skip[n.Key] = ok && info.Uses[id] == nil
			case *ast.Ident:
				object := info.Uses[n]
				if _, defined := info.Defs[n]; object == nil && !defined { // in T[n] with T of another package
					object = checked.Scope().Lookup(n.Name)
				}
				if object != nil && object.Parent() == checked.Scope() && !skip[n] {
					files := [2]string{p.file(n.Pos()), p.file(object.Pos())}
					uses[files] = append(uses[files], n.Name)
				}
			}
		}
	}
	for files, names := range uses {
		back := uses[[2]string{files[1], files[0]}]
		if len(back) > 0 && files[0] < files[1] {
			c.fault("cycles", files[0], 1,
				"uses %s of %s, which uses %s of it", join(names), path.Base(files[1]), join(back))
		}
	}
}

// join sorts and joins names, each once.
func join(names []string) string {
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
