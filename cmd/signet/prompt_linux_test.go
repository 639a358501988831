package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal. The test types into user; the program reads
// from program.
type terminal struct {
	user, program *os.File
	shown         *syncBuffer
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	tt := &terminal{user: user, program: program, shown: new(syncBuffer)}
	go func() {
		b := make([]byte, 1024)
		for {
			n, err := user.Read(b)
			if err != nil {
				return
			}
			_, _ = tt.shown.Write(b[:n])
		}
	}()
	t.Cleanup(func() { _, _ = program.Close(), user.Close() })
	return tt
}

// echoes reports whether the terminal shows what the user types.
func (tt *terminal) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tt.program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// waitPrompt waits for a prompt without an echo.
func (tt *terminal) waitPrompt(t *testing.T, stderr *syncBuffer, prompt string) {
	t.Helper()
	if !eventually(func() bool { return strings.Contains(stderr.String(), prompt) && !tt.echoes(t) }) {
		t.Fatalf("there is no prompt %q without an echo: %s", prompt, stderr)
	}
}

// The program prompts for a new password twice and never shows it.
func TestPrompt_NewPassword(t *testing.T) {
	for name, second := range map[string]string{
		"same": "a long and secret phrase", "different": "a long and secret phrasw",
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "SIGNET_ISSUER=https://login.example.com")
			m.signet("", "migrate")
			tt, stderr := newTerminal(t), new(syncBuffer)
			c := m.command("users", "create", "ada")
			c.Stdin, c.Stderr = tt.program, stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct{ prompt, answer string }{
				{"Password: ", "a long and secret phrase"}, {"Password (again): ", second},
			} {
				tt.waitPrompt(t, stderr, step.prompt)
				if _, err := tt.user.WriteString(step.answer + "\n"); err != nil {
					t.Fatal(err)
				}
			}
			err := c.Wait()
			if created := err == nil; created != (name == "same") {
				t.Errorf("signet exited with %v: %s", err, stderr)
			}
			if strings.Contains(tt.shown.String(), "phras") || strings.Contains(stderr.String(), "phras") {
				t.Errorf("the password was shown: %q %s", tt.shown, stderr)
			}
			if !tt.echoes(t) {
				t.Error("the terminal has no echo")
			}
		})
	}
}

// An interrupted prompt restores the echo of the terminal.
func TestPrompt_Interrupted(t *testing.T) {
	m := newMachine(t, "SIGNET_ISSUER=https://login.example.com")
	m.signet("", "migrate")
	tt, stderr := newTerminal(t), new(syncBuffer)
	c := m.command("users", "create", "ada")
	c.Stdin, c.Stderr = tt.program, stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	tt.waitPrompt(t, stderr, "Password: ")
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitFailure || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if !tt.echoes(t) {
		t.Error("the terminal has no echo")
	}
}

// --prune of signet apply asks before it deletes.
func TestPrompt_Prune(t *testing.T) {
	for _, answer := range []string{"yes", "y", ""} {
		t.Run(answer, func(t *testing.T) {
			m := newMachine(t, "SIGNET_ISSUER=https://login.example.com")
			m.signet("", "migrate")
			m.signet("", "clients", "create", "old")
			if err := os.WriteFile(m.dir+"/clients.yaml", []byte("clients: [{id: new}]"), 0o600); err != nil {
				t.Fatal(err)
			}
			tt, stderr := newTerminal(t), new(syncBuffer)
			c := m.command("apply", "--prune", "clients.yaml")
			c.Stdin, c.Stderr = tt.program, stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			const prompt = "delete client old and revoke its grants\nDelete them? Type yes: "
			if !eventually(func() bool { return stderr.String() == prompt }) {
				t.Fatalf("the prompt is %q", stderr)
			}
			if _, err := tt.user.WriteString(answer + "\n"); err != nil {
				t.Fatal(err)
			}
			err := c.Wait()
			clients := m.signet("", "clients", "list")
			deleted, created := !strings.Contains(clients, "old"), strings.Contains(clients, "new")
			if want := answer == "yes"; deleted != want || created != want || (err == nil) != want {
				t.Errorf("signet exited with %v: %s%s", err, stderr, clients)
			}
		})
	}
}
