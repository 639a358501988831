package chromium

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// startWebKit runs WebKitGTK's small browser on a display in memory. Its
// cookies come from libsoup, so it is not Safari. It accepts any certificate.
func startWebKit(t *testing.T) webDriver {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/*/webkit2gtk-4.1/MiniBrowser")
	if err != nil || len(found) == 0 {
		t.Fatalf("WebKit's MiniBrowser is missing: %v", err)
	}
	address := programs.FreeAddresses(t, 1)[0]
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	driver := exec.Command("WebKitWebDriver", "--host=127.0.0.1", "--port="+port)
	driver.Env = append(os.Environ(), "DISPLAY="+startDisplay(t), "HOME="+t.TempDir(),
		"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1", "LIBGL_ALWAYS_SOFTWARE=1", "NO_AT_BRIDGE=1")
	startProgram(t, driver)
	await(t, "WebKitWebDriver listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})

	base := "http://" + address + "/session"
	var session struct {
		ID string `json:"sessionId"`
	}
	sendWebDriver(t, http.MethodPost, base, map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"acceptInsecureCerts":      true,
		"webkitgtk:browserOptions": map[string]any{"binary": found[0], "args": []string{"--automation"}},
	}}}, &session)
	base += "/" + session.ID
	return webDriver{
		navigate: func(url string) {
			sendWebDriver(t, http.MethodPost, base+"/url", map[string]any{"url": url}, nil)
		},
		run: func(script string, out any) {
			parameters := map[string]any{"script": script, "args": []any{}}
			sendWebDriver(t, http.MethodPost, base+"/execute/async", parameters, out)
		},
		cookies: func() (all []webCookie) {
			sendWebDriver(t, http.MethodGet, base+"/cookie", nil, &all)
			return all
		},
	}
}

// startDisplay runs an X server, and returns the name of its display.
func startDisplay(t *testing.T) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	server := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{write}
	startProgram(t, server)
	_ = write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb does not say which display it serves: %v", err)
	}
	return ":" + strings.TrimSpace(number)
}

// sendWebDriver sends a command (W3C WebDriver), and decodes the value of the
// answer into out.
func sendWebDriver(t *testing.T, method, url string, parameters map[string]any, out any) {
	t.Helper()
	body, err := json.Marshal(parameters)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: 4 * patience}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", url, response.StatusCode, err, answer)
	}
	if out != nil {
		decodeValue(t, answer, out)
	}
}
