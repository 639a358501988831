package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A terminal is both ends of a pseudo-terminal: what somebody types into, and what a program reads from.
type terminal struct {
	keyboard, line *os.File
	shown          *synced
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	tt := &terminal{keyboard: keyboard, line: line, shown: new(synced)}
	go func() {
		b := make([]byte, 1024)
		for {
			n, err := keyboard.Read(b)
			if err != nil {
				return
			}
			_, _ = tt.shown.Write(b[:n]) // a buffer takes everything
		}
	}()
	t.Cleanup(func() { _, _ = line.Close(), keyboard.Close() })
	return tt
}

func (tt *terminal) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tt.line.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// asked waits for a prompt that shows nothing of the answer.
func (tt *terminal) asked(t *testing.T, stderr *synced, prompt string) {
	t.Helper()
	if !eventually(func() bool { return strings.Contains(stderr.String(), prompt) && !tt.echoes(t) }) {
		t.Fatalf("was not asked for %q without an echo: %s", prompt, stderr)
	}
}

// TestPasswordAtTheTerminal: a new password is asked for twice, and nothing of it is shown.
func TestPasswordAtTheTerminal(t *testing.T) {
	for name, second := range map[string]string{"same": "a long and secret phrase", "slip": "a long and secret phrasw"} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "SIGNET_ISSUER=https://login.example.com")
			m.signet("", "migrate")
			tt, stderr := newTerminal(t), new(synced)
			c := m.command("users", "create", "ada")
			c.Stdin, c.Stderr = tt.line, stderr
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct{ prompt, answer string }{{"Password: ", "a long and secret phrase"}, {"The same again: ", second}} {
				tt.asked(t, stderr, step.prompt)
				if _, err := tt.keyboard.WriteString(step.answer + "\n"); err != nil {
					t.Fatal(err)
				}
			}
			err := c.Wait()
			if made := err == nil; made != (name == "same") {
				t.Errorf("signet ended with %v: %s", err, stderr)
			}
			if strings.Contains(tt.shown.String(), "phras") || strings.Contains(stderr.String(), "phras") {
				t.Errorf("the password was shown: %q %s", tt.shown, stderr)
			}
			if !tt.echoes(t) {
				t.Error("the terminal was left without an echo")
			}
		})
	}
}

// TestInterruptedPrompt: whoever gives up at the prompt gets the terminal back as it was.
func TestInterruptedPrompt(t *testing.T) {
	m := newMachine(t, "SIGNET_ISSUER=https://login.example.com")
	m.signet("", "migrate")
	tt, stderr := newTerminal(t), new(synced)
	c := m.command("users", "create", "ada")
	c.Stdin, c.Stderr = tt.line, stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	tt.asked(t, stderr, "Password: ")
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitFailure || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if !tt.echoes(t) {
		t.Error("the terminal was left without an echo")
	}
}
