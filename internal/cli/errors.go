package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

// A commandError is an error that a command returned. Every other error is
// about the usage of the command line.
type commandError struct{ error }

// Unwrap returns the error of the command.
func (e commandError) Unwrap() error { return e.error }

// A usageError is an error about the usage of a command, which the command
// found itself.
type usageError string

// Error returns the message.
func (e usageError) Error() string { return string(e) }

// A wrappedError is an error with the name of what failed before it.
type wrappedError struct {
	what string
	err  error
}

// Error returns both, separated by a colon.
func (e *wrappedError) Error() string { return e.what + ": " + e.err.Error() }

// Unwrap returns the error without the name.
func (e *wrappedError) Unwrap() error { return e.err }

// wrapError returns err with the name of what failed; nil if err is nil.
func wrapError(what string, err error) error {
	if err == nil {
		return nil
	}
	return &wrappedError{what, err}
}

// describe returns the text of an error for a user. In place of an error code
// it has the sentence of the code. A cause follows in parentheses.
func describe(err error) string {
	switch e := err.(type) { //nolint:errorlint // each case describes the errors that it wraps
	case commandError:
		return describe(e.error)
	case *wrappedError:
		return e.what + ": " + describe(e.err)
	case interface{ Unwrap() []error }:
		var lines []string
		for _, one := range e.Unwrap() {
			lines = append(lines, describe(one))
		}
		return strings.Join(lines, "\n")
	case *oauth.Error:
		return withCause(e)
	case oauth.Code:
		return oauth.AsError(e).Sentence
	}

	var code oauth.Code
	var own *oauth.Error
	if errors.As(err, &own) || errors.As(err, &code) {
		return withCause(oauth.AsError(err))
	}
	return err.Error()
}

// withCause returns the sentence of an error, and its cause if it has one.
func withCause(e *oauth.Error) string {
	if e.Cause == nil {
		return e.Sentence
	}
	return fmt.Sprintf("%s (%v)", e.Sentence, e.Cause)
}
