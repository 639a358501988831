package interop

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// TestFeedPage runs the code in docs/feed-clients.md: it follows the feed of
// revocations, refuses a revoked token within three seconds, and rejects
// answers that the issuer did not sign. The page shows exactly the code that
// runs here.
func TestFeedPage(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts Node.js and Python, which TestVerifyPage does, too")
	}
	i, env := newDemo(t, nil)
	for name, run := range map[string]func(t *testing.T, env map[string]string){
		"JavaScript": func(t *testing.T, env map[string]string) { runNode(t, "revocations-check.mjs", env) },
		"Python":     func(t *testing.T, env map[string]string) { runPython(t, "revocations_check.py", env) },
		"Java":       runJava,
	} {
		t.Run(name, func(t *testing.T) {
			login, err := call(t, i, env["CLIENT_ID"], env["CLIENT_SECRET"], signetv1.TokenServiceClient.Login,
				&signetv1.LoginRequest{Username: env["USERNAME"], Password: env["PASSWORD"]})
			if err != nil {
				t.Fatal(err)
			}
			env := maps.Clone(env)
			env["TOKEN"] = login.GetAccessToken()
			run(t, env)
		})
	}

	for _, file := range []string{"node/revocations.mjs", "python/revocations.py", "java/Revocations.java"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkPage(t, "feed-clients.md", string(text))
	}
}

// runJava runs java/Check.java with the libraries of java/pom.xml.
func runJava(t *testing.T, env map[string]string) {
	skipUnlessLong(t, "it needs a JDK and Maven")
	classes := t.TempDir()
	libraries := filepath.Join(classes, "lib")
	for _, command := range [][]string{
		{"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=" + libraries},
		{"javac", "-cp", libraries + "/*", "-d", classes, "Revocations.java", "Check.java"},
		{"java", "-cp", libraries + "/*:" + classes, "Check"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, command[0], command[1:]...)
		c.Dir, c.Env = "java", environ(env)
		out, err := c.CombinedOutput()
		if err != nil || command[0] == "java" && !bytes.Contains(out, []byte("all checks passed")) {
			t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
		}
	}
}
