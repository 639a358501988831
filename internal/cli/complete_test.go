package cli

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A completion gives up after two seconds if the database does not answer, and
// prints nothing.
func TestCompletion_GivesUp(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it accepts connections and answers none
	file := filepath.Join(t.TempDir(), "signet.yaml")
	text := "issuer: https://id.example\nstore: {url: 'postgres://" + l.Addr().String() + "/signet', insecure: true}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	var out, errors bytes.Buffer
	root := newRootCommand(&program{out: &out, err: &errors, output: outputText})
	root.SetArgs([]string{"__complete", "--config", file, "clients", "show", ""})
	root.SetOut(&out)
	root.SetErr(&errors)
	began := time.Now()
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if out.String() != ":4\n" || strings.Count(errors.String(), "\n") != 1 || took < completionTimeout ||
		took > completionTimeout+3*time.Second {
		t.Errorf("after %s: got %q and %q", took, &out, &errors)
	}
}
