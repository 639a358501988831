package oauth

import (
	"errors"
	"log/slog"
	"strings"
	"time"
)

// A Code is the category of an error: an OAuth 2.0 error code (RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 8707 §2) or one of
// the few that administration needs. It is an error itself, so that errors.Is(err, oauth.InvalidGrant) holds for every
// error of that category.
type Code string

// The categories. Each door has one table from these to its own status codes.
const (
	InvalidRequest         Code = "invalid_request"
	InvalidScope           Code = "invalid_scope"
	InvalidTarget          Code = "invalid_target"
	UnsupportedTokenType   Code = "unsupported_token_type"
	InvalidGrant           Code = "invalid_grant"
	InvalidClient          Code = "invalid_client"
	UnauthorizedClient     Code = "unauthorized_client"
	AccessDenied           Code = "access_denied"
	UnsupportedGrantType   Code = "unsupported_grant_type"
	SlowDown               Code = "slow_down"
	TemporarilyUnavailable Code = "temporarily_unavailable"
	AlreadyExists          Code = "already_exists"
	NotFound               Code = "not_found"
	FailedPrecondition     Code = "failed_precondition"
	ServerError            Code = "server_error"
)

// Error returns the code as RFC 6749 spells it.
func (c Code) Error() string { return string(c) }

// Reason returns the code in upper case, as google.rpc.ErrorInfo wants it.
func (c Code) Reason() string { return strings.ToUpper(string(c)) }

// An Error is a category and a sentence. The sentence is ours and may be shown to the caller; the cause is for the log
// alone.
type Error struct {
	Code Code
	// Sentence is shown to the caller: fixed words, never a cause, never what somebody sent.
	Sentence string
	// Cause goes to the log; nil means there is nothing more to say.
	Cause error
	// RetryAfter is how long to wait before trying again; zero means that waiting does not help.
	RetryAfter time.Duration
}

// Fail returns an error of a category with a sentence for the caller.
func Fail(code Code, sentence string) *Error { return &Error{Code: code, Sentence: sentence} }

// Because returns an error of a category with a sentence for the caller and a cause for the log.
func Because(code Code, sentence string, cause error) *Error {
	return &Error{Code: code, Sentence: sentence, Cause: cause}
}

// Unavailable returns the one answer to a store or a key that cannot be had now: try again in a second. A failure of
// ours is never said as invalid_grant or invalid_client, because callers drop logins on those.
func Unavailable(cause error) *Error {
	return &Error{
		Code: TemporarilyUnavailable, Sentence: sentences[TemporarilyUnavailable], Cause: cause, RetryAfter: time.Second,
	}
}

// Error returns code, sentence and cause: the form for logs.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Sentence
	if e.Cause != nil {
		text += " (" + e.Cause.Error() + ")"
	}
	return text
}

// Attrs returns what a request's log line says of the error: its category and its cause.
func (e *Error) Attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("error", string(e.Code))}
	if e.Cause != nil {
		attrs = append(attrs, slog.String("cause", e.Cause.Error()))
	}
	return attrs
}

// Is says whether target is this error's category.
func (e *Error) Is(target error) bool { return target == error(e.Code) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError returns err as an *Error: itself if it is one, a bare Code with its usual sentence, and everything else as
// server_error with err as the cause.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c Code
	if errors.As(err, &c) {
		return &Error{Code: c, Sentence: sentences[c], Cause: err}
	}
	return Because(ServerError, sentences[ServerError], err)
}

// FromStore passes on what a store knows (an error that is a Code, or an *Error that came from an edit of ours) and turns
// every other failure into temporarily_unavailable: a store error is never taken for an answer.
func FromStore(err error) error {
	if err == nil {
		return nil
	}
	var (
		c Code
		e *Error
	)
	if errors.As(err, &c) || errors.As(err, &e) {
		return err
	}
	return Unavailable(err)
}

var sentences = map[Code]string{
	InvalidRequest:       "The request is malformed.",
	InvalidScope:         "The scope is not granted.",
	InvalidTarget:        "The audience is not allowed.",
	UnsupportedTokenType: "This token cannot be revoked.",
	InvalidGrant:         "The login or token is not valid.",
	InvalidClient:        "Client authentication failed.",
	UnauthorizedClient:   "The client may not do this.",
	AccessDenied:         "Access is denied.",
	UnsupportedGrantType: "The grant type is not supported.",
	SlowDown:             "Too many requests; try again later.",
	AlreadyExists:        "It exists already.",
	NotFound:             "There is no such thing.",
	FailedPrecondition:   "The present state does not allow this.",
	ServerError:          "Something went wrong inside the issuer.",

	TemporarilyUnavailable: "The issuer cannot answer at the moment; try again.",
}

// Refused returns the bare answer of a category: its usual sentence and a cause for the log. All refused logins and
// refreshes look alike through it.
func Refused(code Code, cause error) *Error { return Because(code, sentences[code], cause) }
