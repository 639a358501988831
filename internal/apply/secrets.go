package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/privatefile"
)

// What a Step says about the secret of a client.
const (
	// SecretAdded is the content of a file.
	SecretAdded = "added"
	// SecretMade is a new secret.
	SecretMade = "made"
)

// readSecrets reads the secret files. A missing file is no fault.
func (f *File) readSecrets() {
	seen := map[string]string{}
	for _, rec := range f.clients {
		if rec.secretFile == "" {
			continue
		}
		err := errors.New("the client " + seen[rec.secretFile] + " has this secret_file")
		if _, again := seen[rec.secretFile]; !again {
			seen[rec.secretFile] = rec.value.ID
			rec.secret, err = readSecret(rec.secretFile)
		}
		if err != nil {
			rec.badSecret = true
			text := fmt.Sprintf("client %s: secret_file %s: %s", rec.value.ID, rec.secretFile, sentence(err))
			f.reader.faults = append(f.reader.faults, fault{rec.line, text})
		}
	}
}

// sentence returns the text of an error, without the code of an oauth.Error.
func sentence(err error) string {
	var e *oauth.Error
	if errors.As(err, &e) {
		return e.Sentence
	}
	return err.Error()
}

// readSecret returns the secret in a file, and nothing if there is no file but
// one can be made.
func readSecret(path string) (string, error) {
	text, err := privatefile.ReadShared(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return "", fmt.Errorf("%s is a symbolic link to a file that does not exist", path)
		}
		return "", privatefile.CheckDir(filepath.Dir(path))
	}
	if err != nil {
		return "", err
	}
	secret, err := privatefile.Line(text)
	if err != nil {
		return "", err
	}
	return secret, admin.CheckClientSecret(secret)
}

// addSecret gives a client the secret of its file, or a new one if it has none
// and needs one. It reports whether the client gets a secret.
func (c *comparison) addSecret(rec *record[client.Client], old *client.Client, next *client.Client, step *Step) bool {
	switch {
	case rec.faulty, rec.badSecret:
		return false
	case rec.secretFile != "" && next.Public:
		c.fault(rec.line, *step, "A public client has no secret.")
		return false
	case rec.secret != "" && rec.secretFile == "" && old != nil:
		return false // Another process has created the client since, and has its secret.
	case rec.secret != "" && next.SecretMatches(rec.secret):
		return false
	case rec.secret != "":
		next.Secrets = admin.AddClientSecret(*next, rec.secret, c.Now)
		step.Secret, step.SecretFile = SecretAdded, rec.secretFile
		if rec.secretFile == "" { // made by an attempt that was raced
			step.Secret, step.ClientSecret = SecretMade, rec.secret
		}
		return true
	case rec.secretFile != "" && len(next.Secrets) > 0:
		c.plan.Warnings = append(c.plan.Warnings, fmt.Sprintf(
			"client %s: %s does not exist; the client keeps its secret", rec.value.ID, rec.secretFile))
		return false
	case rec.secretFile == "" && (old != nil || next.Public || len(next.Keys)+len(next.CertSANs) > 0):
		return false
	}
	step.Secret, step.SecretFile = SecretMade, rec.secretFile
	c.plan.pending = append(c.plan.pending, pendingSecret{rec, next, c.Now, len(c.plan.Steps)})
	return true
}

// makeSecrets makes the secrets that the plan needs. It writes each to its file
// before the client gets it, so that no secret is lost if the store does not
// answer: the next run finds the file.
func (p *Plan) makeSecrets() error {
	for _, s := range p.pending {
		secret, step := admin.NewClientSecret(), &p.Steps[s.step]
		if s.rec.secretFile == "" {
			step.ClientSecret = secret
		} else if err := privatefile.Create(s.rec.secretFile, []byte(secret+"\n")); errors.Is(err, fs.ErrExist) {
			// Another process has made it meanwhile.
			step.Secret = SecretAdded
			if secret, err = readSecret(s.rec.secretFile); err != nil {
				return fmt.Errorf("read the secret of client %s: %w", s.rec.value.ID, err)
			}
		} else if err != nil {
			return fmt.Errorf("write the secret of client %s: %w", s.rec.value.ID, err)
		}
		s.rec.secret = secret
		s.next.Secrets = admin.AddClientSecret(*s.next, secret, s.at)
	}
	p.pending = nil
	return nil
}
