package app

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// The printed command also works on a machine without curl and wget.
func TestFetchCommand_WithBashAlone(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("the document at " + r.URL.Path))
	}))
	t.Cleanup(server.Close)

	t.Setenv("PATH", t.TempDir())
	command := fetchCommand(server.URL + "/.well-known/jwks.json")
	if !strings.HasPrefix(command, "bash -c ") {
		t.Fatalf("the command is %s", command)
	}
	c := exec.Command(bash, "-c", command)
	c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the document at /.well-known/jwks.json") {
		t.Errorf("%s: %v: %s", command, err, out)
	}
}

func TestShellQuote(t *testing.T) {
	for _, text := range []string{"", "plain", "a b", "it's", `$HOME "x" \n`, "*", "~", "a\nb"} {
		out, err := exec.Command("sh", "-c", "printf %s "+shellQuote(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("the shell reads %q as %q: %v", text, out, err)
		}
	}
}
