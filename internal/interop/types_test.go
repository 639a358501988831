package interop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Statement 13 of docs/browser.md: the types of signet.js pass tsc --strict, in
// an application that uses all of them.
func TestScript_Types(t *testing.T) {
	if out, err := installNode(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	dir := t.TempDir()
	for name, source := range map[string]string{
		"signet.d.ts": filepath.Join("..", "web", "static", "signet.d.ts"),
		"app.ts":      filepath.Join("node", "signet-types.ts"),
	} {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tsc, err := filepath.Abs(filepath.Join("node", "node_modules", "typescript", "bin", "tsc"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", tsc, "--strict", "--noEmit", "--target", "es2022", "--module", "es2022",
		"--moduleResolution", "bundler", "app.ts")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("tsc: %v\n%s", err, out)
	}
}
