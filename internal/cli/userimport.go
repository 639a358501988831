package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/privatefile"
)

// importHelp is the help of `users import` but for its list of formats.
const importHelp = `Create the users of another system from FILE or standard input. Each line is a JSON object:

  {"username": "ada", "password_hash": "$2b$12$...", "claims": {"roles": ["ops"]}, "disabled": false, "id": "auth0|5f7c"}

Only username is required. A user without password_hash cannot log in until a password is set. The id is the sub of the
user's tokens: that of the other system, or a new one if none is given.
These password hashes are accepted, within the limits of docs/passwords.md. At the first login of a user, argon2id replaces
the hash:

%s
SALT and KEY are base64. Hashes other than argon2id are verified without Unicode normalization of the password.

An invalid line creates no user and is reported with its number; the other lines are imported. The exit code is then 1.`

// hashFormats returns one line for each format of password hashes.
func hashFormats() string {
	var lines strings.Builder
	for _, f := range password.Formats() {
		fmt.Fprintf(&lines, "  %-16s %s\n", f.Name, f.Form)
	}
	return lines.String()
}

func newUsersImportCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Create the users of another system, with their password hashes",
		Long:  fmt.Sprintf(importHelp, hashFormats()),
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

		result, err := importUsers(ctx, o, in, p.err)
		printErr := p.printResult(result, func(w io.Writer) {
			fmt.Fprintf(w, "imported %d users, refused %d lines\n", result.Imported, len(result.Refused))
		})
		if err == nil && len(result.Refused) > 0 {
			err = fmt.Errorf("%d lines were refused", len(result.Refused))
		}
		return errors.Join(err, printErr)
	})
	return c
}

// An importResult is the result of `users import`.
type importResult struct {
	Imported int           `json:"imported"`
	Refused  []refusedLine `json:"refused"`
}

// A refusedLine is a line that did not create a user, with the reason.
type refusedLine struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

// An importedLine is one line of the file.
type importedLine struct {
	Username     string         `json:"username"`
	PasswordHash string         `json:"password_hash"`
	Claims       map[string]any `json:"claims"`
	Disabled     bool           `json:"disabled"`
	ID           string         `json:"id"`
}

// importUsers creates a user for each line. It reports an invalid line to
// stderr and goes on. It stops with an error when the store fails or a line
// cannot be read.
func importUsers(ctx context.Context, o operator, in io.Reader, stderr io.Writer) (importResult, error) {
	result := importResult{Refused: []refusedLine{}}
	lines := bufio.NewScanner(privatefile.NewReader(in))
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
		if e.Code != oauth.InvalidRequest && e.Code != oauth.AlreadyExists {
			return result, wrapError(fmt.Sprintf("line %d", number), err)
		}
		result.Refused = append(result.Refused, refusedLine{number, e.Sentence})
		fmt.Fprintf(stderr, "line %d: %s\n", number, printable(e.Sentence))
	}
	return result, wrapError("read the users", lines.Err())
}

// importLine creates the user of one line.
func importLine(ctx context.Context, o operator, text []byte) error {
	var line importedLine
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	decoder.UseNumber() // so that no number of a claim changes unnoticed
	if err := decoder.Decode(&line); err != nil || decoder.More() {
		return oauth.Fail(oauth.InvalidRequest, describeLine(err))
	}
	_, err := o.ImportUser(ctx, o.actor, admin.ImportedUser(line))
	return err
}

// describeLine returns what is wrong with a line that the decoder refused. It
// quotes no value, because one may be a password hash.
func describeLine(err error) string {
	const fields = "the fields are username, password_hash, claims, disabled and id."
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return fmt.Sprintf("The field %s is not of the type %s; %s", wrong.Field, wrong.Type, fields)
	}
	if err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return fmt.Sprintf("%.100s is not a field; %s", name, fields)
		}
	}
	return "It is not one JSON object; " + fields
}
