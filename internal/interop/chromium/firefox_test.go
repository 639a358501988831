package chromium

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/signetd/signet/internal/interop/programs"
)

// A marionette is a connection to Firefox's remote control.
type marionette struct {
	conn   net.Conn
	reader *bufio.Reader
	last   int
}

// startFirefox runs Firefox with an own profile. It accepts any certificate.
func startFirefox(t *testing.T) webDriver {
	t.Helper()
	profile, address := t.TempDir(), programs.FreeAddresses(t, 1)[0]
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("user_pref(\"marionette.port\", %s);\n", port)
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	startProgram(t, exec.Command("firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile))

	m := &marionette{}
	await(t, "Firefox listens", func() bool {
		m.conn, err = net.Dial("tcp", address)
		return err == nil
	})
	t.Cleanup(func() { _ = m.conn.Close() })
	m.reader = bufio.NewReader(m.conn)
	if _, err := m.read(); err != nil { // its greeting
		t.Fatal(err)
	}
	m.call(t, "WebDriver:NewSession", map[string]any{"acceptInsecureCerts": true}, nil)
	return webDriver{
		navigate: func(url string) { m.call(t, "WebDriver:Navigate", map[string]any{"url": url}, nil) },
		run: func(script string, out any) {
			m.call(t, "WebDriver:ExecuteAsyncScript", map[string]any{"script": script, "args": []any{}}, out)
		},
		cookies: func() (all []webCookie) {
			m.call(t, "WebDriver:GetCookies", map[string]any{}, &all)
			return all
		},
	}
}

// call sends a command, and decodes the value of the answer into out.
func (m *marionette) call(t *testing.T, command string, parameters map[string]any, out any) {
	t.Helper()
	m.last++
	if err := m.conn.SetDeadline(time.Now().Add(4 * patience)); err != nil {
		t.Fatal(err)
	}
	message, err := json.Marshal([]any{0, m.last, command, parameters})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(message), message); err != nil {
		t.Fatal(err)
	}
	answer, err := m.read()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	var parts [4]json.RawMessage // the kind, the number of the command, the error, the result
	if err := json.Unmarshal(answer, &parts); err != nil {
		t.Fatalf("%s: %v in %s", command, err, answer)
	}
	if string(parts[2]) != "null" {
		t.Fatalf("%s: %s", command, parts[2])
	}
	if out != nil {
		decodeValue(t, parts[3], out)
	}
}

// read reads a message: its length, a colon, and JSON.
func (m *marionette) read() ([]byte, error) {
	length, err := m.reader.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(length[:len(length)-1])
	if err != nil {
		return nil, err
	}
	message := make([]byte, n)
	_, err = io.ReadFull(m.reader, message)
	return message, err
}

// startProgram runs a program, and kills all its processes when the test ends.
func startProgram(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
}
