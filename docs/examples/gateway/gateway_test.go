package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A world is a real issuer, a real gateway, and an API behind it. Between the gateway and the issuer stands a thief of answers.
type world struct {
	t          *testing.T
	dir        string
	env        []string
	ops        string // of the issuer
	gateway    string
	thief      *thief
	user, pass string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	at := addresses(t, 4)
	w := &world{t: t, dir: t.TempDir(), ops: at[2], gateway: "http://" + at[3]}
	w.env = append(os.Environ(),
		"SIGNET_HTTP_ADDRESS="+at[0], "SIGNET_GRPC_ADDRESS="+at[1], "SIGNET_OPS_ADDRESS="+w.ops,
		"SIGNET_TOKENS_LIFETIME=9s", // less than the gateway's margin: each request refreshes
		"SIGNET_SHUTDOWN_DRAIN=0s")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-w", "-o", w.dir, ".", "../../../cmd/signet")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	w.start("signet", "serve", "--dev")
	w.wait("http://"+w.ops+"/readyz", http.StatusOK)
	var facts struct {
		ID       string `json:"client_id"`
		Secret   string `json:"client_secret"`
		Username string
		Password string
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "data", "dev.json"))
	w.must(err)
	w.must(json.Unmarshal(text, &facts))
	w.must(os.WriteFile(filepath.Join(w.dir, "secret"), []byte(facts.Secret), 0o600))
	w.user, w.pass = facts.Username, facts.Password

	w.thief = newThief(t, at[1])
	api := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(api.Close)
	w.start("gateway", "-listen", at[3], "-issuer", w.thief.address, "-plain-text", "-client-id", facts.ID, "-client-secret-file", "secret", "-api", api.URL)
	w.wait(w.gateway+"/", http.StatusNotFound)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// echo is an API that tells what it was called with: the grant of the access token, and the cookies, which are not its business.
func echo(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1]) // a real one would verify it
	var claims struct{ SID string }
	if err != nil || json.Unmarshal(text, &claims) != nil {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "%s%s", claims.SID, r.Header.Get("Cookie"))
}

// start starts a program; it is ended with the test.
func (w *world) start(name string, args ...string) {
	w.t.Helper()
	c, log := w.command(name, args...), new(bytes.Buffer)
	c.Stdout, c.Stderr = log, log
	w.must(c.Start())
	w.t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			w.t.Errorf("%s ended with %v", name, err)
		}
		if w.t.Failed() {
			w.t.Logf("%s said:\n%s", name, log)
		}
	})
}

func (w *world) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(w.dir, name), args...)
	c.Dir, c.Env = w.dir, w.env
	return c
}

// signet runs a command at the issuer.
func (w *world) signet(args ...string) string {
	w.t.Helper()
	text, err := w.command("signet", args...).Output()
	if err != nil {
		w.t.Fatalf("signet %v: %v", args, err)
	}
	return string(text)
}

// wait asks until the status is as wanted.
func (w *world) wait(url string, want int) {
	w.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if answer, err := http.Get(url); err == nil {
			answer.Body.Close()
			if answer.StatusCode == want {
				return
			}
		}
	}
	w.t.Fatalf("%s did not become %d", url, want)
}

// refreshes returns how many refreshes had this outcome.
func (w *world) refreshes(outcome string) (count string) {
	w.t.Helper()
	answer, err := http.Get("http://" + w.ops + "/metrics")
	w.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	w.must(err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, `signet_refreshes_total{outcome="`+outcome+`"} `); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// A browser keeps cookies. It is a simple one: it sends them to a gateway that has no TLS in front of it, too.
type browser struct {
	w       *world
	mu      sync.Mutex
	cookies map[string]string
}

func (w *world) browser() *browser { return &browser{w: w, cookies: map[string]string{}} }

// ask makes a request and returns its status and what it brought.
func (b *browser) ask(method, path, body string, header ...string) (int, string) {
	b.w.t.Helper()
	r, err := http.NewRequestWithContext(b.w.t.Context(), method, b.w.gateway+path, strings.NewReader(body))
	b.w.must(err)
	b.mu.Lock()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	b.mu.Unlock()
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.w.t.Error(err)
		return 0, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	b.w.must(err)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range answer.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			b.w.t.Errorf("the cookie %v", c)
		}
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return answer.StatusCode, string(text)
}

func (b *browser) want(status int, method, path, body string, header ...string) (text string) {
	b.w.t.Helper()
	got, text := b.ask(method, path, body, header...)
	if got != status {
		b.w.t.Errorf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
	return text
}

func (b *browser) login() {
	b.w.t.Helper()
	text, err := json.Marshal(map[string]string{"username": b.w.user, "password": b.w.pass})
	b.w.must(err)
	b.want(http.StatusNoContent, "POST", "/login", string(text))
}

func TestGateway(t *testing.T) {
	w := newWorld(t)
	ada, phone := w.browser(), w.browser()

	ada.want(http.StatusUnauthorized, "GET", "/api/x", "")
	ada.want(http.StatusUnauthorized, "POST", "/login", `{"username":"`+w.user+`","password":"wrong"}`)
	ada.want(http.StatusBadRequest, "POST", "/login", "username=ada")
	ada.want(http.StatusForbidden, "POST", "/login", "{}", "Sec-Fetch-Site", "cross-site")
	ada.login()
	phone.login()
	grant := ada.want(http.StatusOK, "GET", "/api/x", "")
	if other := phone.want(http.StatusOK, "GET", "/api/x", ""); other == grant || len(grant) != 32 {
		t.Errorf("the grants are %q and %q", grant, other)
	}
	if moved, repeated := w.refreshes("moved"), w.refreshes("repeated"); moved != "2" || repeated != "0" {
		t.Errorf("%s moved, %s repeated", moved, repeated)
	}

	// The answer is lost on the way, after the issuer has moved the grant: the same question gets the same answer, and the browser
	// notices nothing. The leeway has no part in it: the key is what tells.
	for lost := 1; lost <= 3; lost++ {
		w.thief.stealNext()
		if again := ada.want(http.StatusOK, "GET", "/api/x", ""); again != grant {
			t.Errorf("the grant was %q and is %q", grant, again)
		}
		if stolen, repeated := w.thief.stolen(), w.refreshes("repeated"); stolen != lost || repeated != fmt.Sprint(lost) {
			t.Fatalf("%d answers were stolen, %s repeated", stolen, repeated)
		}
	}
	if reused, tabs := w.refreshes("reused"), w.refreshes("second_tab"); reused != "0" || tabs != "0" {
		t.Errorf("%s reused, %s second tabs", reused, tabs)
	}

	// Many tabs at once share one refresh after the other.
	var tabs sync.WaitGroup
	for range 8 {
		tabs.Go(func() { phone.want(http.StatusOK, "GET", "/api/x", "") })
	}
	tabs.Wait()

	// A gateway that is refused itself logs nobody out.
	w.signet("clients", "disable", "demo-client")
	w.until(ada, http.StatusServiceUnavailable)
	w.signet("clients", "enable", "demo-client")
	w.until(ada, http.StatusOK)

	phone.want(http.StatusForbidden, "POST", "/logout-everywhere", "", "Origin", "https://evil.example")
	ada.want(http.StatusNoContent, "POST", "/logout-everywhere", "")
	ada.want(http.StatusUnauthorized, "GET", "/api/x", "")
	phone.want(http.StatusUnauthorized, "GET", "/api/x", "")
	if live := w.liveGrants(); live != 0 {
		t.Errorf("%d grants live after the user logged out everywhere", live)
	}

	// One browser logs out, and the other stays.
	ada.login()
	phone.login()
	phone.want(http.StatusNoContent, "POST", "/logout", "")
	phone.want(http.StatusUnauthorized, "GET", "/api/x", "")
	ada.want(http.StatusOK, "GET", "/api/x", "")
	if live := w.liveGrants(); live != 1 {
		t.Errorf("%d grants live, want 1", live)
	}

	// Whoever the issuer logs out is logged out here.
	w.signet("users", "disable", w.user)
	ada.want(http.StatusUnauthorized, "GET", "/api/x", "")
	if _, ok := ada.cookies[sessionCookie]; ok {
		t.Error("the browser still has the cookie")
	}
}

// until asks until the status is as wanted: the issuer takes up to half a second to hear of what an operator did.
func (w *world) until(b *browser, want int) {
	w.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := 0
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if last, _ = b.ask("GET", "/api/x", ""); last == want {
			return
		}
	}
	w.t.Errorf("the status is %d, want %d", last, want)
}

// liveGrants returns how many grants of the user the issuer has that still work.
func (w *world) liveGrants() (live int) {
	w.t.Helper()
	var grants []map[string]any
	w.must(json.Unmarshal([]byte(w.signet("grants", "list", "--user", w.user, "-o", "json")), &grants))
	for _, g := range grants {
		if g["state"] == "active" {
			live++
		}
	}
	return live
}

// addresses returns loopback addresses that nobody listens on.
func addresses(t *testing.T, n int) []string {
	t.Helper()
	found := make([]string, n)
	for i := range found {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		found[i] = l.Addr().String()
	}
	return found
}
