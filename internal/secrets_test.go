package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// secretName is what a value that an attacker wants to guess is called. Comparing one byte by byte tells how many are right by
// the time that it takes: crypto/subtle and crypto/hmac compare what is secret.
var secretName = regexp.MustCompile(`(?i)secret|token|hash|mac|passw|phc|digest|signature|handle|frame`)

// comparers are the functions that compare byte by byte and stop at the first difference.
var comparers = []string{"bytes.Equal", "bytes.Compare", "bytes.EqualFold", "strings.Compare", "strings.EqualFold", "slices.Equal", "slices.Compare", "reflect.DeepEqual"}

// innocent are names that only look like those of secrets, each with the reason.
var innocent = map[string]string{
	"MAC":              "the name of an algorithm",
	"MACKey":           "the id of a key",
	"macSize":          "a number",
	"frameSize":        "a number",
	"frameText":        "a number",
	"secretType":       "a type",
	"ErrAbortHandler":  "an error",
	"EventTokenMinted": "the name of an event",
	"EventPasswordSet": "the name of an event",
	"ForSignature":     "a constant of RFC 7517",
}

// harmless are comparisons of what is called like a secret and is none, each with the reason.
var harmless = map[string]string{
	"internal/password/phc.go: h.String() != phc":                            "the stored hash with its own canonical spelling: nothing of it comes from a caller",
	"internal/admin/replay.go: e.Reason == audit.SecretRotated":              "a word of the audit log",
	"internal/admin/replay.go: e.Name == audit.PasswordSet":                  "a word of the audit log",
	"cmd/signet/replay.go: e.Name == audit.TokenMinted":                      "a word of the audit log",
	"internal/issuer/changepassword.go: r.NewPassword == r.OldPassword":      "the caller has both",
	"internal/rpc/page.go: base64.RawURLEncoding.EncodeToString(b) != token": "the caller's own text with its canonical spelling: it is authenticated by hmac.Equal afterwards",
}

// comparisons returns the comparisons of something secret in the production code of a house, as file: expression.
func comparisons(fsys fs.FS) (found []string, err error) {
	s := &surveyor{fsys: fsys}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && s.foreign(name):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
		if err != nil || ast.IsGenerated(file) {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if leaks(n) {
				var b strings.Builder
				_ = printer.Fprint(&b, files, n)
				found = append(found, fmt.Sprintf("%s: %s", name, b.String()))
			}
			return true
		})
		return nil
	})
	return found, err
}

// leaks says whether a node compares something secret with something that is not written in the program.
func leaks(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		return (n.Op == token.EQL || n.Op == token.NEQ) && (secret(n.X) && !known(n.Y) || secret(n.Y) && !known(n.X))
	case *ast.CallExpr:
		// Of bytes, those called key or sum are suspect too; of other types there are too many of that name.
		return slices.Contains(comparers, spelled(n.Fun)) && slices.ContainsFunc(n.Args, func(e ast.Expr) bool {
			name := spelled(e)
			return secret(e) || strings.HasSuffix(strings.ToLower(name), "key") || strings.HasSuffix(name, "sum")
		})
	case *ast.SwitchStmt:
		return n.Tag != nil && secret(n.Tag)
	}
	return false
}

// secret says whether an expression is called like a secret.
func secret(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return secretName.MatchString(e.Name) && innocent[e.Name] == ""
	case *ast.SelectorExpr:
		return secret(e.Sel)
	case *ast.IndexExpr:
		return secret(e.X)
	case *ast.SliceExpr:
		return secret(e.X)
	case *ast.StarExpr:
		return secret(e.X)
	case *ast.ParenExpr:
		return secret(e.X)
	case *ast.CallExpr: // a conversion, or a method that returns one
		if name := spelled(e.Fun); name == "string" || name == "[]byte" {
			return len(e.Args) == 1 && secret(e.Args[0])
		}
		return spelled(e.Fun) != "len" && secret(e.Fun)
	case *ast.ArrayType:
		return false
	}
	return false
}

// known says whether an expression is written in the program: nil, true, a literal.
func known(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	}
	return false
}

// spelled returns the name of a function as it is called.
func spelled(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return spelled(e.X) + "." + e.Sel.Name
	case *ast.ArrayType:
		if spelled(e.Elt) == "byte" {
			return "[]byte"
		}
	}
	return ""
}

// TestRule73_SecretsAreComparedInConstantTime: no comparison in the production code stops at the first wrong byte of a secret.
func TestRule73_SecretsAreComparedInConstantTime(t *testing.T) {
	found, err := comparisons(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range found {
		if harmless[c] == "" {
			t.Errorf("%s: use crypto/subtle, or say in harmless why it is no secret", c)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(harmless)) {
		if !slices.Contains(found, c) {
			t.Errorf("%s is excused and does not exist", c)
		}
	}
}

func TestComparisonsAreFound(t *testing.T) {
	for expression, want := range map[string]bool{
		"a.Secret == given": true, "given != refreshToken": true, "bytes.Equal(sum, row.KeyHash)": true, "string(mac) == string(want)": true,
		"hash[:16] == want": true, "strings.EqualFold(x, c.clientSecret)": true, "slices.Equal(passwordHash, x)": true, "bytes.Equal(key, s.key)": true, "u.Password() == x": true,
		"a.Secret == \"\"": false, "nil != token": false, "len(token) == n": false, "subtle.ConstantTimeCompare(mac, want) == 1": false,
		"name == other": false, "hmac.Equal(mac, want)": false,
	} {
		found, err := comparisons(fstest.MapFS{"internal/x/x.go": {Data: []byte("package x\n\nvar _ = " + expression + "\n")}})
		if err != nil || len(found) > 0 != want {
			t.Errorf("%s: found %q, %v", expression, found, err)
		}
	}
}
