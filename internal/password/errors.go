package password

import (
	"errors"
	"fmt"
	"time"
)

// MaxLength is the maximum length of a password in bytes, before Unicode
// normalization.
const MaxLength = 1024

// ErrTooLong is the error for a password of more than MaxLength bytes. Nothing
// is computed for such a password.
var ErrTooLong = fmt.Errorf("the password has more than %d bytes", MaxLength)

// These errors are the causes of a Busy.
var (
	errDeadline  = errors.New("password hashing is overloaded: the hash would miss the deadline")
	errWait      = errors.New("password hashing is overloaded: the hash would wait longer than 3s")
	errQueueFull = errors.New("password hashing is overloaded: the queue is full")
	errWorker    = errors.New("password hashing worker exited")
)

// BusyError is the error for a password that was not hashed because of
// overload, or because the workers exited. No result was computed.
type BusyError struct {
	// RetryAfter is the estimated time until the waiting hashes are done, 1 to
	// 60 whole seconds.
	RetryAfter time.Duration
	cause      error
}

// Error returns the text of the cause.
func (b *BusyError) Error() string { return b.cause.Error() }

// Unwrap returns the cause.
func (b *BusyError) Unwrap() error { return b.cause }

// InputError is the error for a new password that the policy rejects, or for a
// password hash that Verify does not support. Its text is a sentence for the
// person who supplied the input.
type InputError string

// Error returns the sentence.
func (e InputError) Error() string { return string(e) }

// These errors reject a new password.
const (
	errEmpty      InputError = "The password is empty."
	errLong       InputError = "The password is too long."
	errEncoding   InputError = "The password is not valid UTF-8."
	errCommon     InputError = "The password is too common or too predictable."
	errContextual InputError = "The password is little more than the user's name or the name of this service."
)

// These errors reject a password hash. They do not quote it, because a password
// hash must not be logged. Format.explain replaces the first two by a sentence
// about the format of the hash.
const (
	errFormat      InputError = "The password hash is malformed."
	errCost        InputError = "The password hash exceeds a limit of memory or work."
	errUnsupported InputError = "The password hash has an unsupported format."
	errStoredLong  InputError = "The password hash has more than 1024 bytes."
	errBudget      InputError = "The password hash needs more memory than the memory budget."
)
