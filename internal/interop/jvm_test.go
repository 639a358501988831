package interop

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestVerifyPage_JVM runs the code of docs/verify.md in Java: with Nimbus, and
// as a bean of Spring Security. The page shows exactly the code that runs here.
func TestVerifyPage_JVM(t *testing.T) {
	checkPage(t, "verify.md", readFile(t, "java/Verify.java"))
	checkPage(t, "verify.md", readFile(t, "spring/SecurityConfig.java"))
	skipUnlessLong(t, "it needs a JDK and Maven")

	nimbus := copyLibraries(t, "java")
	spring := map[string]string{}
	for _, version := range []string{"6.5.11", "7.0.8", "7.1.2"} {
		spring[version] = copyLibraries(t, "spring", "-Dspring="+version)
	}
	for _, alg := range []string{"ES256", "RS256"} {
		t.Run(alg, func(t *testing.T) {
			f := newVerifyFixture(t, alg)
			start := map[string]func(t *testing.T) verifyFunc{"Nimbus": func(t *testing.T) verifyFunc {
				t.Helper()
				return verifyInJava(t, f, nimbus, "java", "Verify.java", "VerifyTokens.java")
			}}
			for version, libraries := range spring {
				start["Spring Security "+version] = func(t *testing.T) verifyFunc {
					t.Helper()
					return verifyInJava(t, f, libraries, "spring", "SecurityConfig.java", "VerifyTokens.java")
				}
			}
			for name, start := range start {
				t.Run(name, func(t *testing.T) {
					checkVerifier(t, f, start(t))
					checkRefetch(t, f, start(t))
				})
			}
		})
	}
	t.Run("EdDSA", func(t *testing.T) {
		f := newVerifyFixture(t, "EdDSA")
		err := verifyInJava(t, f, nimbus, "java", "Verify.java", "VerifyTokens.java")(f.mint(t))
		if err == nil || !strings.Contains(err.Error(), "no matching key") {
			t.Errorf("Nimbus verifies a token with EdDSA: error %v", err)
		}
	})
}

// skipUnlessLong skips the test unless SIGNET_TEST_LONG is set.
func skipUnlessLong(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		t.Skip(reason + ": SIGNET_TEST_LONG=1 runs it")
	}
}

// copyLibraries copies the dependencies of the project of a folder into a
// folder of the test, and returns a class path with them.
func copyLibraries(t *testing.T, project string, properties ...string) string {
	t.Helper()
	libraries := t.TempDir()
	command(t, project, append([]string{
		"mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=" + libraries,
	}, properties...)...)
	return libraries + "/*"
}

// verifyInJava compiles files of a folder for the algorithm of f, and runs
// their class VerifyTokens.
func verifyInJava(t *testing.T, f *verifyFixture, libraries, project string, files ...string) verifyFunc {
	t.Helper()
	dir := copyFor(t, f, project, files...)
	command(t, dir, append([]string{"javac", "-cp", libraries}, files...)...)
	return startVerifier(t, f, dir, "java", "-cp", libraries+string(filepath.ListSeparator)+".", "VerifyTokens")
}

// command runs a command in a folder.
func command(t *testing.T, dir string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
