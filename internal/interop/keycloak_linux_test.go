package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/signetd/signet/internal/interop/programs"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The records of the realm.
const (
	keycloakUsers  = 100
	keycloakSecret = "Zq3vH8mWk1xYt6RbN9cLfJ2sPd7gUe4A"
)

// keycloakWord returns the password of a user.
func keycloakWord(n int) string { return fmt.Sprintf("correct horse %02d", n) }

// TestMigratePage_Keycloak creates a realm with a real Keycloak, exports it,
// and runs the commands of docs/migrate.md. Users of all algorithms log in with
// the client's old secret, and Signet's JWK Set verifies a token of Keycloak.
func TestMigratePage_Keycloak(t *testing.T) {
	skipUnlessLong(t, "it needs Java, and downloads Keycloak")
	dir := t.TempDir()
	archive, err := filepath.Glob(copyLibraries(t, "keycloak"))
	if err != nil || len(archive) != 1 {
		t.Fatalf("the archive: %q, %v", archive, err)
	}
	command(t, dir, "jar", "xf", archive[0])
	program, err := filepath.Glob(filepath.Join(dir, "keycloak-*", "bin", "kc.sh"))
	if err != nil || len(program) != 1 {
		t.Fatalf("kc.sh: %q, %v", program, err)
	}
	if err := os.Chmod(program[0], 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
	t.Setenv("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin")
	var token string
	t.Run("realm", func(t *testing.T) { token = makeRealm(t, program[0]) })

	i := newIssuer(t, map[string]string{"SIGNET_ISSUER": "https://login.example.com/realms/acme"})
	i.serve(t)
	export := filepath.Join(i.dir, "realm-export.json")
	command(t, dir, program[0], "export", "--realm", "acme", "--file", export)
	i.runSection(t, "From Keycloak")
	for _, n := range []int{0, 60, 80, 90} {
		login, err := call(t, i, "shop", keycloakSecret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
			Username: fmt.Sprintf("user%02d", n), Password: keycloakWord(n),
		})
		if err != nil {
			t.Fatalf("user%02d: %v", n, err)
		}
		if !strings.Contains(readFile(t, export), `"id" : "`+login.GetSubject()+`"`) {
			t.Errorf("the subject %s of user%02d is not in the export", login.GetSubject(), n)
		}
	}
	if _, err := call(t, i, "shop", keycloakSecret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
		Username: "user09", Password: keycloakWord(9),
	}); err == nil {
		t.Error("a disabled user has logged in")
	}
	i.wantOldToken(t, token)
}

// runSection runs the commands under a heading of docs/migrate.md.
func (i *issuer) runSection(t *testing.T, heading string) {
	t.Helper()
	_, body, found := strings.Cut(readPage(t, "migrate.md"), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("the page has no section %q", heading)
	}
	body, _, _ = strings.Cut(body, "\n## ")
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)\n```sh\n(.*?)```").FindAllStringSubmatch(body, -1) {
		script.WriteString(block[1])
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", "umask 077\n"+script.String())
	c.Dir = i.dir
	c.Env = append(i.env, "AUDIENCE=https://api.example", "SCOPE=read write",
		"PATH="+filepath.Dir(programs.Path("signet"))+":"+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("imported %d users, refused 0 lines", keycloakUsers)) {
		t.Fatalf("%v\n%s", err, out)
	}
}

// wantOldToken wants Signet's JWK Set to verify a token of the old issuer.
func (i *issuer) wantOldToken(t *testing.T, token string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	poll := time.NewTicker(100 * time.Millisecond) // a server has a new key within keys.poll_interval
	defer poll.Stop()
	for {
		set, err := jwk.Fetch(ctx, "http://"+i.http+"/.well-known/jwks.json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = jwxjwt.ParseString(token, jwxjwt.WithKeySet(set)); err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("Signet's JWK Set does not verify a token of Keycloak: %v", err)
		case <-poll.C:
		}
	}
}

// makeRealm runs Keycloak and creates a realm. It returns an access token that
// Keycloak issued to the client shop.
func makeRealm(t *testing.T, program string) string {
	t.Helper()
	address := programs.FreeAddresses(t, 1)[0]
	host, port, _ := strings.Cut(address, ":")
	var log bytes.Buffer
	c := exec.Command(program, "start-dev", "--http-host="+host, "--http-port="+port)
	c.Stdout, c.Stderr = &log, &log
	// kc.sh forwards SIGTERM to Java.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
		_ = c.Wait()
		if t.Failed() {
			t.Logf("the log of Keycloak:\n%s", &log)
		}
	})
	k := &keycloak{url: "http://" + address}
	k.awaitReady(t)
	k.create(t)
	return k.token(t, "acme", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"shop"}, "client_secret": {keycloakSecret},
	})
}

// A keycloak is a server and the access token of its administrator.
type keycloak struct{ url, admin string }

func (k *keycloak) awaitReady(t *testing.T) {
	t.Helper()
	deadline := time.After(3 * time.Minute)
	for {
		response, err := http.Get(k.url + "/realms/master")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-deadline:
			t.Fatalf("Keycloak did not become ready: %v", err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// create creates the realm, its clients and its users. The password policy of
// the moment decides the algorithm of a hash.
func (k *keycloak) create(t *testing.T) {
	t.Helper()
	k.logIn(t)
	type object = map[string]any
	k.send(t, http.MethodPost, "/admin/realms", object{
		"realm": "acme", "enabled": true, "roles": object{"realm": []object{{"name": "ops"}}},
		"clients": []object{
			{"clientId": "shop", "secret": keycloakSecret, "serviceAccountsEnabled": true},
			{"clientId": "https://billing.example/api", "enabled": false, "serviceAccountsEnabled": true},
			{"clientId": "spa", "publicClient": true, "webOrigins": []string{"https://spa.example"}},
		},
	})
	policies := map[int]string{
		0: "hashAlgorithm(argon2)", 60: "hashAlgorithm(pbkdf2-sha512) and hashIterations(210000)",
		80: "hashAlgorithm(pbkdf2-sha256) and hashIterations(600000)",
		90: "hashAlgorithm(pbkdf2) and hashIterations(1300000)",
	}
	for n := range keycloakUsers {
		if n%10 == 0 {
			k.logIn(t) // the token is valid for a minute
		}
		if policy := policies[n]; policy != "" {
			k.send(t, http.MethodPut, "/admin/realms/acme", object{"passwordPolicy": policy})
		}
		user := object{
			"username": fmt.Sprintf("user%02d", n), "email": fmt.Sprintf("user%02d@acme.example", n),
			"emailVerified": true, "enabled": n%10 != 9,
		}
		if n%10 == 0 || n == 9 { // a hash takes up to a second of a CPU
			user["credentials"] = []object{{"type": "password", "value": keycloakWord(n)}}
		}
		k.send(t, http.MethodPost, "/admin/realms/acme/users", user)
	}
}

// logIn gets an access token of the administrator.
func (k *keycloak) logIn(t *testing.T) {
	t.Helper()
	k.admin = k.token(t, "master", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {"admin"},
	})
}

// send sends a request to the administrative API.
func (k *keycloak) send(t *testing.T, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, k.url+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+k.admin)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); response.StatusCode >= 300 {
		t.Fatalf("%s %s: %s: %s", method, path, response.Status, answer)
	}
}

// token requests an access token.
func (k *keycloak) token(t *testing.T, realm string, form url.Values) string {
	t.Helper()
	response, err := http.PostForm(k.url+"/realms/"+realm+"/protocol/openid-connect/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("no token: %s, %v", response.Status, err)
	}
	return answer.AccessToken
}
