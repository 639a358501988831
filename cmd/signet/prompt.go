package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxLine bounds what is read as one answer.
const maxLine = 64 << 10

// ask returns one line from the terminal, or from standard input if that is no terminal.
func (p *program) ask(ctx context.Context, what string) (string, error) {
	if !term.IsTerminal(int(p.in.Fd())) {
		return p.readLine(what)
	}
	fmt.Fprintf(p.err, "%s: ", what)
	return interruptible(ctx, func() (string, error) { return p.readLine(what) })
}

// askSecret is ask without an echo.
func (p *program) askSecret(ctx context.Context, what string) (string, error) {
	fd := int(p.in.Fd())
	if !term.IsTerminal(fd) {
		return p.readLine(what)
	}
	state, err := term.GetState(fd)
	if err != nil {
		return "", about("read the terminal", err)
	}
	fmt.Fprintf(p.err, "%s: ", what)
	secret, err := interruptible(ctx, func() (string, error) {
		b, err := term.ReadPassword(fd)
		return string(b), err
	})
	fmt.Fprintln(p.err)
	if err != nil {
		_ = term.Restore(fd, state) // the read was interrupted while the echo was off
		return "", about("read the "+strings.ToLower(what), err)
	}
	return secret, nil
}

// askNewSecret asks twice at a terminal, so that a slip of the finger does not become a password.
func (p *program) askNewSecret(ctx context.Context, what string) (string, error) {
	first, err := p.askSecret(ctx, what)
	if err != nil || !term.IsTerminal(int(p.in.Fd())) {
		return first, err
	}
	second, err := p.askSecret(ctx, "The same again")
	if err == nil && first != second {
		err = errors.New("the two are not the same")
	}
	return first, err
}

// interruptible runs a read that cannot be cancelled, and leaves it behind when ctx ends: the program is about to end.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := read()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// readLine returns the next line of standard input, without its end.
func (p *program) readLine(what string) (string, error) {
	if p.lines == nil {
		p.lines = bufio.NewScanner(p.in)
		p.lines.Buffer(nil, maxLine)
	}
	if !p.lines.Scan() {
		err := p.lines.Err()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return "", about("read the "+strings.ToLower(what), err)
	}
	return p.lines.Text(), nil
}

// secretFile returns the first line of a file that holds a secret.
func secretFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("%s holds no secret", path)
	}
	return line, nil
}
