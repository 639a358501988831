package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

const (
	username   = "ada"
	passphrase = "correct horse battery staple"
	api        = "https://api.example" // ES256
	files      = "https://files.example"
	signed     = "https://signed.example" // EdDSA
)

var operator = audit.Actor{Name: "operator"}

// A house is the whole issuer behind its HTTP door: a real store, real keys, a real socket.
type house struct {
	store     *sqlite.Store
	admin     *admin.Admin
	directory *issuer.Directory
	issuer    *issuer.Issuer
	door      http.Handler
	url       string
	secrets   map[string]string // by client: web and other are confidential, spa is public, robot has a key
	key       signingKey        // the robot's
	// ahead is how far the clock of the issuer and the store is moved on; the keys go by the real one.
	ahead atomic.Int64
	logs  records
}

func openHouse(t *testing.T) *house { return openHouseAt(t, issuerID) }

func openHouseAt(t *testing.T, identifier string) *house {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	h := &house{secrets: make(map[string]string), key: newKey(t, "robot-1")}
	now := func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }
	keks, err := seal.Create(filepath.Join(dir, "kek"))
	must(t, err)
	h.store, err = sqlite.Open(ctx, filepath.Join(dir, "signet.db"), sqlite.Options{Now: now})
	must(t, err)
	t.Cleanup(func() { _ = h.store.Close() }) // some tests close it themselves
	must(t, h.store.Migrate(ctx))
	passwords, err := password.New(password.Options{Params: hashParams, MinParams: hashParams})
	must(t, err)
	h.admin = admin.New(admin.Options{
		Store: h.store, Passwords: passwords, Limits: admin.Limits{MaxAccess: time.Hour, MaxRefresh: 24 * time.Hour}, Now: now,
	})
	h.furnish(t)
	h.directory, err = issuer.OpenDirectory(ctx, h.store, now, h.logs.logger())
	must(t, err)
	ring, err := keys.Open(ctx, keys.Options{
		Store: h.store, KEKs: keks, InUse: func() []string { return []string{keys.ES256, keys.EdDSA} },
		Policy: keys.Policy{
			MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: time.Minute,
			ClockSkew: time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 24 * time.Hour, RSABits: 2048,
		},
	})
	must(t, err)
	h.issuer = issuer.New(issuer.Options{
		Identifier: identifier, Store: h.store, Directory: h.directory, Keys: ring, Passwords: passwords, Log: h.logs.logger(), Now: now,
		Lifetimes: issuer.Lifetimes{
			Access: 10 * time.Minute, MaxAccess: time.Hour, Idle: time.Hour, Absolute: 24 * time.Hour, MaxAbsolute: 24 * time.Hour,
			Leeway: 10 * time.Second,
		},
	})
	h.door, err = Handler(Options{
		Issuer: identifier, Keys: ring, Tokens: h.issuer, Directory: h.directory, Log: h.logs.logger(), Certificates: true,
		Proxies: oauth.Proxies{netip.MustParsePrefix("127.0.0.1/32")},
	})
	must(t, err)
	h.url = serve(t, h.door)
	polled, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); h.directory.Run(polled) }()
	t.Cleanup(func() { stop(); <-done })
	return h
}

func (h *house) furnish(t *testing.T) {
	t.Helper()
	for id, algorithm := range map[string]string{api: keys.ES256, files: keys.ES256, signed: keys.EdDSA} {
		_, err := h.admin.CreateAudience(t.Context(), operator, client.Audience{ID: id, Algorithm: algorithm})
		must(t, err)
	}
	for _, c := range []client.Client{{ID: "web"}, {ID: "other"}, {ID: "spa", Public: true}, {ID: "robot", Keys: h.key.registered(t)}, {ID: "mesh", CertSANs: []string{"dns:mesh.example"}}} {
		c.Audiences, c.Scope = []string{api, files, signed}, oauth.NewScope("read", "write")
		var err error
		_, h.secrets[c.ID], err = h.admin.CreateClient(t.Context(), operator, c)
		must(t, err)
	}
	// An API is a client, too, that may ask about the tokens that are for it.
	var err error
	_, h.secrets[api], err = h.admin.CreateClient(t.Context(), operator, client.Client{ID: api})
	must(t, err)
	_, err = h.admin.CreateUser(t.Context(), operator, username, passphrase, nil)
	must(t, err)
}

// login logs the user in through a client, for two audiences.
func (h *house) login(t *testing.T, client string) *issuer.TokenResponse {
	t.Helper()
	d, err := h.admin.Directory(t.Context())
	must(t, err)
	for _, c := range d.Clients {
		if c.ID == client {
			answer, err := h.issuer.Login(t.Context(), issuer.Caller{Client: c}, issuer.LoginRequest{
				Username: username, Password: passphrase, Audience: []string{api, files},
			})
			must(t, err)
			return answer
		}
	}
	t.Fatalf("no client %s", client)
	return nil
}

// basic returns the header by which a client authenticates.
func (h *house) basic(client string) http.Header {
	pair := url.QueryEscape(client) + ":" + url.QueryEscape(h.secrets[client])
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}}
}

// An answered is an answer in JSON.
type answered struct {
	*http.Response
	body map[string]any
}

// post sends a form, given as names and values in turn.
func (h *house) post(t *testing.T, path string, header http.Header, pairs ...string) answered {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return h.send(t, http.MethodPost, path, header, form.Encode())
}

func (h *house) send(t *testing.T, method, path string, header http.Header, body string) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.url+path, strings.NewReader(body))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	a := answered{Response: answer}
	if err := json.NewDecoder(answer.Body).Decode(&a.body); err != nil && answer.ContentLength != 0 && method != http.MethodHead {
		t.Fatalf("%s %s: %d is not JSON: %v", method, path, answer.StatusCode, err)
	}
	return a
}

// refresh presents a refresh token as a client.
func (h *house) refresh(t *testing.T, client, token string, pairs ...string) answered {
	t.Helper()
	return h.post(t, "/oauth2/token", h.basic(client), append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

// active says whether a client's introspection finds a token good.
func (h *house) active(t *testing.T, client, token string) bool {
	t.Helper()
	a := h.post(t, "/oauth2/introspect", h.basic(client), "token", token)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("introspection as %s: %d %v", client, a.StatusCode, a.body)
	}
	return a.body["active"] == true
}

// want fails unless the answer has that status and that error.
func (a answered) want(t *testing.T, what string, status int, code string) {
	t.Helper()
	if got, _ := a.body["error"].(string); a.StatusCode != status || got != code {
		t.Errorf("%s: %d %v, want %d %s", what, a.StatusCode, a.body, status, code)
	}
}

func (a answered) text(name string) string {
	text, _ := a.body[name].(string)
	return text
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
