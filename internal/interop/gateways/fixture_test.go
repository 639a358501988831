package gateways

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/certtest"
)

const (
	audience      = "https://api.example"
	otherAudience = "https://other.example"
	password      = "a long and secret phrase"
)

// A fixture is what stands behind the gateways: a server with a client, users
// and logins, and an application.
type fixture struct {
	*server
	// kill ends the server.
	kill        func()
	application *application
	// certFile and keyFile are those of the gateways, and roots verifies them.
	certFile, keyFile string
	roots             *x509.CertPool
	// envoyBasic is the Authorization header with which Envoy calls the server
	// over gRPC.
	envoyBasic string

	// values replaces the names of cookies and tokens in an exchange.
	values *strings.Replacer
	// subjects are those of the users and clients that an exchange names.
	subjects map[string]string
}

// newFixture starts the server and the application until the test ends.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{server: newServer(t), application: newApplication(t)}
	authority := certtest.NewAuthority(t)
	f.roots = authority.Pool()
	f.certFile, f.keyFile = authority.Issue(t, func(c *x509.Certificate) {
		c.ExtKeyUsage, c.DNSNames = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []string{host}
	}).Write(t, t.TempDir())

	f.run(t, "", nil, "audiences", "create", audience)
	f.run(t, "", nil, "audiences", "create", otherAudience)
	f.run(t, "", nil, "clients", "create", "shop", "--public", "--browser", "session", "--origin", origin,
		"--login-path", "/login", "--audience", audience, "--audience", otherAudience,
		"--refresh-absolute", "1s")
	var envoy, robot struct {
		Secret string `json:"client_secret"`
	}
	f.run(t, "", &envoy, "clients", "create", "envoy")
	f.envoyBasic = "Basic " + base64.StdEncoding.EncodeToString([]byte("envoy:"+url.QueryEscape(envoy.Secret)))
	f.run(t, "", &robot, "clients", "create", "robot", "--audience", audience)
	for _, user := range []string{"ada", "bob"} {
		f.run(t, password+"\n", nil, "users", "create", user)
	}
	f.kill = f.serve(t)
	f.logIn(t, robot.Secret)
	return f
}

// logIn makes the logins that the exchanges need.
func (f *fixture) logIn(t *testing.T, robotSecret string) {
	t.Helper()
	direct := page(func(r *http.Request) (*response, error) {
		r.URL.Scheme, r.URL.Host = "http", f.public
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		return readAll(answer)
	})
	login := func() session {
		s, err := direct.login("ada")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	// The first login expires before the others begin, with a longer lifetime.
	expired := login()
	f.run(t, "", nil, "clients", "update", "shop", "--refresh-absolute", "0")
	f.values = strings.NewReplacer("{expired}", expired.cookie)
	await(t, "the first login has expired", func() bool {
		r := f.ask(t, "/forward-auth/-", headers(forwarded, "Cookie: {expired}"))
		return r.StatusCode == http.StatusUnauthorized
	})
	var ada session
	await(t, "the server knows the new lifetime", func() bool {
		ada = login()
		return ada.ExpiresIn > 60
	})
	ended := login()
	r, err := direct.post("/session/logout", "{}", ended.cookie)
	if err != nil || r.StatusCode != http.StatusNoContent {
		t.Fatalf("logout: %v %v", r, err)
	}
	token := f.robotToken(t, robotSecret)
	f.subjects = map[string]string{"ada": ada.Subject, "robot": bearerSubject(token)}
	f.values = strings.NewReplacer("{session}", ada.cookie, "{expired}", expired.cookie, "{ended}", ended.cookie,
		"{device}", ada.device, "{token}", token)
}

// robotToken returns an access token of the client robot.
func (f *fixture) robotToken(t *testing.T, secret string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+f.public+"/oauth2/token",
		strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("robot", url.QueryEscape(secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || json.Unmarshal(text, &body) != nil || bearerSubject(body.AccessToken) == "" {
		t.Fatalf("client credentials: %v %s %s", err, answer.Status, text)
	}
	return body.AccessToken
}
