package interop

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Users whose hashes passlib, Django and OpenSSL made a moment ago, with the
// default costs, are imported. They log in before and after their hash is
// replaced, but not with another password.
func TestImport_HashesOfOtherPrograms(t *testing.T) {
	skipUnlessLong(t, "the versions of passlib and Django are on PyPI")
	const password = "pässwörd with 1 space"
	packages := t.TempDir()
	command(t, "python", "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--only-binary=:all:", "--require-hashes", "--target", packages, "--requirement", "passwords.txt")
	c := exec.CommandContext(t.Context(), "python3", "-B", "python/passwords.py", password)
	c.Env = environ(map[string]string{"PYTHONPATH": packages})
	users, err := c.Output()
	if err != nil {
		t.Fatalf("passwords.py: %v", err)
	}

	i := newIssuer(t, nil)
	i.run(t, "", nil, "migrate")
	i.run(t, "", nil, "audiences", "create", "https://api.example")
	var client struct {
		Secret string `json:"client_secret"`
	}
	i.run(t, "", &client, "clients", "create", "gateway", "--audience", "https://api.example")
	i.run(t, string(users), nil, "users", "import", "-")
	i.serve(t)
	lines := strings.Split(strings.TrimSpace(string(users)), "\n")
	if len(lines) != 14 {
		t.Errorf("passwords.py made %d users, want 14", len(lines))
	}
	for _, line := range lines {
		var user struct{ Username string }
		if err := json.Unmarshal([]byte(line), &user); err != nil {
			t.Fatal(err)
		}
		for n, attempt := range []string{password + "x", password, password} {
			_, err := call(t, i, "gateway", client.Secret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
				Username: user.Username, Password: attempt,
			})
			if (err == nil) != (n > 0) {
				t.Errorf("%s: login %d: %v", line, n, err)
			}
		}
	}
}
