package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
)

// TestFetchingWithWhatThereIs: on a machine with neither curl nor wget the printed command works all the same.
func TestFetchingWithWhatThereIs(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("the answer of " + r.URL.Path))
	}))
	t.Cleanup(server.Close)
	t.Setenv("PATH", t.TempDir())
	command := fetching(server.URL + "/.well-known/jwks.json")
	if !strings.HasPrefix(command, "bash -c ") {
		t.Fatalf("%s", command)
	}
	c := exec.Command(bash, "-c", command)
	c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "the answer of /.well-known/jwks.json") {
		t.Errorf("%s: %v: %s", command, err, out)
	}
}

func TestShellQuote(t *testing.T) {
	for _, text := range []string{"", "plain", "a b", "it's", `$HOME "x" \n`, "*", "~", "a\nb"} {
		out, err := exec.Command("sh", "-c", "printf %s "+shellQuote(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q became %q: %v", text, out, err)
		}
	}
}
