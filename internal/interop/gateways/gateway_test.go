package gateways

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// A gateway is a program with the configuration of a page of docs/gateways.
type gateway struct {
	name string
	// configure writes the configuration into dir, for a gateway that listens
	// on address. It returns the command that runs the gateway.
	configure func(t *testing.T, f *fixture, dir, address string) []string
	// hung and down are the statuses of its responses while the server hangs,
	// and while it is down. The page says them.
	hung, down int
}

// start runs a gateway until the test ends. It returns a browser that uses it.
func (g gateway) start(t *testing.T, f *fixture) browser {
	t.Helper()
	dir := t.TempDir()
	address := programs.FreeAddresses(t, 1)[0]
	command := g.configure(t, f, dir, address)
	log, err := os.Create(filepath.Join(dir, "log"))
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
			t.Logf("the log of %s ends with:\n%s", g.name, text[max(0, len(text)-5000):])
		}
	})

	await(t, g.name+" listens", func() bool {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: f.roots, ServerName: host})
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return browser{gateway: address, roots: f.roots}
}

// lookProgram returns the path of a program of Debian's package of that name.
func lookProgram(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is neither in PATH nor in /usr/sbin: install it (apt-get install %s)", name, name)
	return ""
}

// write writes a file and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
