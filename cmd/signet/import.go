package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/oauth"
)

const importLong = `Create users that another system had, from FILE or standard input: a JSON object per line.

  {"username": "ada", "password_hash": "$2b$12$...", "claims": {"roles": ["ops"]}, "disabled": false, "id": "usr_..."}

Only username is needed. Without a password_hash nobody logs in before a password is set; an id is one that Signet gave. These
hashes can be verified, within limits, and are replaced by argon2id when the user logs in for the first time:

  argon2id   $argon2id$v=19$m=19456,t=2,p=1$SALT$KEY                   m to 256 MiB, t to 10, p to 16
  bcrypt     $2a$, $2b$ or $2y$                                        cost 4 to 14; knows the first 72 bytes of a password
  scrypt     $scrypt$ln=16,r=8,p=1$SALT$KEY                            128 x N x r to 256 MiB, that x p to 1 GiB
  pbkdf2     $pbkdf2-sha256$600000$SALT$KEY, also i=600000, -sha512    to 2,000,000 rounds
  Firebase   $firebase-scrypt$ln=14,r=8$SALT$SEPARATOR$SIGNERKEY$HASH  ln is mem_cost, r is rounds

SALT and KEY are base64. All but argon2id are held against the password as its bytes arrive, without Unicode normalisation.

A line that is refused is named with its number and changes nothing; the others are kept. Then the exit code is 1.`

func (p *program) usersImport() *cobra.Command {
	c := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Create users with the password hashes that another system kept of them",
		Long:  importLong,
		Args:  cobra.MaximumNArgs(1),
	}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		in := io.ReadCloser(p.in)
		if len(args) == 1 && args[0] != "-" {
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			in = file
			defer file.Close()
		}
		result, err := p.importUsers(ctx, o, in)
		shown := p.show(result, func(w io.Writer) {
			fmt.Fprintf(w, "imported %d users, refused %d lines\n", result.Imported, len(result.Refused))
		})
		if err == nil && len(result.Refused) > 0 {
			err = fmt.Errorf("%d lines were refused", len(result.Refused))
		}
		return errors.Join(err, shown)
	})
	return c
}

// An importResult is what became of the lines.
type importResult struct {
	Imported int           `json:"imported"`
	Refused  []refusedLine `json:"refused"`
}

type refusedLine struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// importedLine is one line of the file.
type importedLine struct {
	Username     string         `json:"username"`
	PasswordHash string         `json:"password_hash"`
	Claims       map[string]any `json:"claims"`
	Disabled     bool           `json:"disabled"`
	ID           string         `json:"id"`
}

// importUsers goes through all lines. What is wrong with a line is told at once; what is wrong with the store ends it, and so
// does a line that cannot be read.
func (p *program) importUsers(ctx context.Context, o operator, in io.Reader) (importResult, error) {
	result := importResult{Refused: []refusedLine{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for number := 1; lines.Scan(); number++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		err := importLine(ctx, o, lines.Bytes())
		if err == nil {
			result.Imported++
			continue
		}
		e := oauth.AsError(err)
		if !slices.Contains([]oauth.Code{oauth.InvalidRequest, oauth.AlreadyExists}, e.Code) {
			return result, about(fmt.Sprintf("line %d", number), err)
		}
		result.Refused = append(result.Refused, refusedLine{number, e.Sentence})
		fmt.Fprintf(p.err, "line %d: %s\n", number, printable(e.Sentence))
	}
	return result, about("read the users", lines.Err())
}

func importLine(ctx context.Context, o operator, text []byte) error {
	var line importedLine
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&line); err != nil || decoder.More() {
		return oauth.Fail(oauth.InvalidRequest, "It is not a JSON object of username, password_hash, claims, disabled and id.")
	}
	_, err := o.ImportUser(ctx, o.actor, admin.ImportedUser(line))
	return err
}
