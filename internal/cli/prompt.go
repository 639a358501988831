package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/signetd/signet/internal/privatefile"
)

// maxLine is the maximum length of a line of input, in bytes.
const maxLine = 64 << 10

// errNoInput is the error at the end of the input.
var errNoInput = errors.New("there is no input: type it at a terminal, or write it as a line to standard input")

// prompt reads one line from the terminal. If standard input is not a terminal,
// it reads the next line of standard input without a prompt.
func (p *program) prompt(ctx context.Context, what string) (string, error) {
	if !term.IsTerminal(int(p.in.Fd())) {
		return p.readLine(what)
	}
	fmt.Fprintf(p.err, "%s: ", what)
	return readUntilDone(ctx, func() (string, error) { return p.readLine(what) })
}

// promptSecret is prompt without an echo.
func (p *program) promptSecret(ctx context.Context, what string) (string, error) {
	fd := int(p.in.Fd())
	if !term.IsTerminal(fd) {
		return p.readLine(what)
	}
	state, err := term.GetState(fd)
	if err != nil {
		return "", wrapError("read the terminal", err)
	}

	fmt.Fprintf(p.err, "%s: ", what)
	secret, err := readUntilDone(ctx, func() (string, error) {
		b, err := term.ReadPassword(fd)
		if errors.Is(err, io.EOF) {
			err = errNoInput
		}
		return string(b), err
	})
	fmt.Fprintln(p.err)
	if err != nil {
		_ = term.Restore(fd, state) // an interrupted read leaves the echo off
		return "", wrapError("read the "+strings.ToLower(what), err)
	}
	return secret, nil
}

// promptNewSecret reads a secret twice from a terminal, and returns an error if
// the two differ.
func (p *program) promptNewSecret(ctx context.Context, what string) (string, error) {
	first, err := p.promptSecret(ctx, what)
	if err != nil || !term.IsTerminal(int(p.in.Fd())) {
		return first, err
	}
	second, err := p.promptSecret(ctx, what+" (again)")
	if err == nil && first != second {
		err = errors.New("the two inputs differ")
	}
	return first, err
}

// readUntilDone runs a read that cannot be cancelled. When ctx is done it
// returns and leaves the read running, because the program is about to exit.
func readUntilDone(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// readLine returns the next line of standard input, without the line ending.
func (p *program) readLine(what string) (string, error) {
	if p.lines == nil {
		p.lines = bufio.NewScanner(privatefile.NewReader(p.in))
		p.lines.Buffer(nil, maxLine)
	}
	if !p.lines.Scan() {
		err := p.lines.Err()
		if err == nil {
			err = errNoInput
		}
		return "", wrapError("read the "+strings.ToLower(what), err)
	}
	return p.lines.Text(), nil
}

// readSecretFile returns the first line of a file that holds a secret. It warns
// if everyone can access the file.
func (p *program) readSecretFile(path string) (string, error) {
	if exposed := privatefile.Exposed(path); exposed != "" {
		printWarnings(p.err, []string{printable(exposed)})
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line, err := privatefile.Line(b)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s %w", path, err)
	case line == "":
		return "", fmt.Errorf("%s contains no secret", path)
	}
	return line, nil
}
