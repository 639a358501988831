package apply_test

import (
	"os"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/apply"
)

const (
	oneSecret   = "a-secret-of-another-issuer-0123456789"
	otherSecret = "another-secret-of-that-issuer-98765"
	thirdSecret = "the-third-secret-of-that-issuer-246"
	withSecret  = "clients: [{id: app, secret_file: app.secret}]"
)

func TestSecretFile_IsMadeOnce(t *testing.T) {
	f := newFixture(t)
	if plan := f.apply(withSecret, true); plan.Steps[0].Secret != apply.SecretMade || plan.Steps[0].ClientSecret != "" {
		t.Errorf("the step is %+v", plan.Steps[0])
	}
	info, err := os.Stat(f.path("app.secret"))
	f.must(err)
	secret := f.read("app.secret")
	if info.Mode().Perm() != 0o600 || !strings.HasPrefix(secret, "sgs_") || !f.client("app").SecretMatches(secret) {
		t.Errorf("the file has the mode %o and %q", info.Mode().Perm(), secret)
	}
	f.unchanged(withSecret)

	// It stays if the client is created again, and is no problem for others.
	f.apply("clients: []", true)
	f.apply(withSecret, true)
	if !f.client("app").SecretMatches(secret) {
		t.Error("the client has another secret")
	}
}

func TestSecretFile_RotatesTheSecret(t *testing.T) {
	f := newFixture(t)
	for n, secret := range []string{oneSecret, otherSecret, otherSecret, oneSecret, thirdSecret} {
		f.write("app.secret", secret+"\r\nand a second line\n", 0o600)
		plan := f.apply(withSecret, true)
		if changes := len(plan.Steps) > 0; changes != (n != 2 && n != 3) {
			t.Errorf("%d: the steps are %+v", n, plan.Steps)
		}
	}
	c := f.client("app")
	if len(c.Secrets) != 2 || !c.SecretMatches(thirdSecret) || !c.SecretMatches(otherSecret) {
		t.Errorf("the secrets are %+v", c.Secrets)
	}

	f.must(os.Remove(f.path("app.secret")))
	plan, err := f.compare(withSecret, true)
	f.must(err)
	warning := strings.Join(plan.Warnings, "\n")
	if len(plan.Steps) > 0 || !strings.HasSuffix(warning, "app.secret does not exist; the client keeps its secret") {
		t.Errorf("the steps are %+v, the warnings %q", plan.Steps, plan.Warnings)
	}
}

// A client that authenticates in another way gets a secret only from a file.
func TestSecret_OfAClientWithOtherCredentials(t *testing.T) {
	f := newFixture(t)
	const others = ", {id: robot, jwks: " + jwks + "}, {id: spa, public: true}]"
	f.apply("clients: [{id: mesh, cert_sans: ['dns:mesh.example']}"+others, true)
	for _, c := range f.directory().Clients {
		if len(c.Secrets) > 0 {
			t.Errorf("client %s has a secret", c.ID)
		}
	}
	const file = "clients: [{id: mesh, cert_sans: ['dns:mesh.example'], secret_file: mesh.secret}]"
	f.apply(file, false)
	if !f.client("mesh").SecretMatches(f.read("mesh.secret")) {
		t.Error("the client has no secret")
	}
	f.unchanged("clients: [{id: mesh, cert_sans: ['dns:mesh.example']}" + others)
}

// A secret file may be a symbolic link, also to another directory, as in the
// volumes of Kubernetes. It must not be accessible for everyone.
func TestSecretFile_Places(t *testing.T) {
	f := newFixture(t)
	f.must(os.MkdirAll(f.path("volume/..data"), 0o755))
	f.write("volume/..data/app", oneSecret, 0o440)
	f.must(os.Symlink("..data/app", f.path("volume/app")))
	f.apply("clients: [{id: app, secret_file: volume/app}]", true)
	f.must(os.MkdirAll(f.path("other"), 0o755))
	f.apply("clients: [{id: app, secret_file: volume/app}, {id: app2, secret_file: other/../../"+
		strings.TrimPrefix(f.path(""), f.path("..")+"/")+"/other/app2}]", true)
	f.apply("clients: [{id: app3, secret_file: '"+f.path("other/app3")+"'}]", false)
	for id, path := range map[string]string{"app": "volume/app", "app2": "other/app2", "app3": "other/app3"} {
		if !f.client(id).SecretMatches(f.read(path)) {
			t.Errorf("client %s has another secret", id)
		}
	}

	f.write("open", oneSecret, 0o644)
	f.write("empty", "\n", 0o600)
	f.write("utf16", "\xff\xfea\x00", 0o600)
	f.write("word", "correct horse battery staple", 0o600)
	f.write("one", strings.Repeat("a", 40), 0o600)
	f.must(os.Symlink("gone", f.path("dangling")))
	f.must(os.MkdirAll(f.path("open-dir"), 0o755))
	f.must(os.Chmod(f.path("open-dir"), 0o777))
	const weak = "A client secret has 24 to 255 printable ASCII characters without spaces, " +
		"at least 10 of them different. It must be random, not a word: the store has only a SHA-256 hash of it."
	for path, fault := range map[string]string{
		"open": f.path("open") + " has mode 0644, which lets everyone on the machine read or write it: " +
			"chmod 640 it or narrower, or run `signet restrict " + f.path("open") + "` " +
			"(in Kubernetes, defaultMode: 0440)",
		"empty":    weak,
		"utf16":    f.path("utf16") + " is encoded in UTF-16: save it as UTF-8",
		"word":     weak,
		"one":      weak,
		"dangling": f.path("dangling") + " is a symbolic link to a file that does not exist",
		"no/file":  "stat " + f.path("no") + ": no such file or directory",
		"open-dir/a": "the directory " + f.path("open-dir") + " has mode 0777, which lets everyone on the machine " +
			"replace files in it: chmod o-w it, or use a new directory in it",
		"other": f.path("other") + " is not a regular file",
	} {
		f.refused("clients: [{id: new, secret_file: "+path+"}]", "1: client new: secret_file "+f.path(path)+": "+fault)
	}
	f.refused("clients: [{id: a, secret_file: s}, {id: b, secret_file: ./s}]",
		"1: client b: secret_file "+f.path("s")+": the client a has this secret_file")
	f.refused("clients: [{id: a, secret_file: s, public: true}]", "1: client a: A public client has no secret.")
}
