package interop

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/interop/programs"
)

// TestVerifyPage_Go runs the code of the section Go of docs/verify.md. The
// program in testdata has the rest of a service and its tests.
func TestVerifyPage_Go(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles a program, and the tests of package verify show the same")
	}
	t.Parallel()
	_, section, _ := strings.Cut(readPage(t, "verify.md"), "\n## Go\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := strings.Split(section, "\n```go\n")
	program := readFile(t, "testdata/service.go.txt")
	for n, block := range blocks[1:] {
		block, _, _ = strings.Cut(block, "\n```\n")
		place := fmt.Sprintf("BLOCK %d\n", n+1)
		if strings.Count(program, place) != 1 {
			t.Fatalf("the program has no place for block %d of the page:\n%s", n+1, block)
		}
		program = strings.Replace(program, place, block+"\n", 1)
	}
	if strings.Contains(program, "BLOCK") {
		t.Fatalf("the page has %d blocks; the program has more places", len(blocks)-1)
	}

	f := newVerifyFixture(t, "ES256")
	for text, replacement := range map[string]string{
		"https://login.example.com":                  f.url,
		"// A request with the token succeeds.":      "succeeds(t, service, token)",
		"// The service refuses it within a second.": "refuses(t, service, token)",
	} {
		if strings.Count(program, text) != 1 {
			t.Errorf("the page does not have %q once", text)
		}
		program = strings.Replace(program, text, replacement, 1)
	}
	file := programs.Write(t, t.TempDir(), "page_test.go", program)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "go", "test", "-count=1", filepath.ToSlash(file))
	c.Env = environ(map[string]string{
		"VALID":   f.mint(t),
		"INVALID": f.sign(t, f.key, nil, map[string]any{"aud": "https://second.example"}),
	})
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("go test: %v\n%s", err, out)
	}
}
