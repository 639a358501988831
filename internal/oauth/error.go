package oauth

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Code is the category of an error: an OAuth 2.0 error code (RFC 6749 §5.2,
// RFC 7009 §2.2.1, RFC 8707 §2), or one of the few codes of the administration.
// It is an error itself: errors.Is(err, oauth.InvalidGrant) holds for every
// error of that category.
type Code string

// The categories of errors. Each API has one table that maps them to its status
// codes.
const (
	InvalidRequest       Code = "invalid_request"
	InvalidScope         Code = "invalid_scope"
	InvalidTarget        Code = "invalid_target"
	InvalidGrant         Code = "invalid_grant"
	InvalidClient        Code = "invalid_client"
	UnauthorizedClient   Code = "unauthorized_client"
	AccessDenied         Code = "access_denied"
	UnsupportedGrantType Code = "unsupported_grant_type"
	// LoginRequired is that of OpenID Connect Core §3.1.2.6: there is no login
	// in the browser, or it has ended.
	LoginRequired          Code = "login_required"
	SlowDown               Code = "slow_down"
	TemporarilyUnavailable Code = "temporarily_unavailable"
	AlreadyExists          Code = "already_exists"
	NotFound               Code = "not_found"
	FailedPrecondition     Code = "failed_precondition"
	ServerError            Code = "server_error"
)

// Codes returns all codes, sorted.
func Codes() []Code { return slices.Sorted(maps.Keys(sentences)) }

// Error returns the code as RFC 6749 spells it.
func (c Code) Error() string { return string(c) }

// Reason returns the code in upper case, as google.rpc.ErrorInfo has it.
func (c Code) Reason() string { return strings.ToUpper(string(c)) }

// An Error is an error of a category, with a sentence for the caller and a
// cause for the log.
type Error struct {
	Code Code
	// Sentence is for the caller. It is a constant, except for the audience of
	// RefusedAudience: it contains no cause and no other part of the request.
	Sentence string
	// Cause is for the log. It may be nil.
	Cause error
	// Details are further attributes for the log. They may be nil.
	Details []slog.Attr
	// RetryAfter is how long the caller must wait before it tries again. Zero
	// means that a later attempt has the same result.
	RetryAfter time.Duration
}

// Fail returns an error of a category with a sentence for the caller.
func Fail(code Code, sentence string) *Error { return &Error{Code: code, Sentence: sentence} }

// Wrap returns an error of a category with a sentence for the caller and a
// cause for the log.
func Wrap(code Code, sentence string, cause error) *Error {
	return &Error{Code: code, Sentence: sentence, Cause: cause}
}

// Unavailable returns the error for a store or a key that is not available:
// temporarily_unavailable, with a retry after one second. A failure of the
// server is never invalid_grant or invalid_client, because a client that gets
// one of these deletes its tokens.
func Unavailable(cause error) *Error {
	return &Error{
		Code: TemporarilyUnavailable, Sentence: sentences[TemporarilyUnavailable],
		Cause: cause, RetryAfter: time.Second,
	}
}

// Error returns the code, the sentence and the cause, for the log.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Sentence
	if e.Cause != nil {
		text += " (" + e.Cause.Error() + ")"
	}
	return text
}

// Attrs returns the attributes of the error in a log line: category, cause and
// details.
func (e *Error) Attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("error", string(e.Code))}
	if e.Cause != nil {
		attrs = append(attrs, slog.String("cause", e.Cause.Error()))
	}
	return append(attrs, e.Details...)
}

// Is reports whether target is the category of the error.
func (e *Error) Is(target error) bool { return target == error(e.Code) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError returns err as an *Error. A Code gets its default sentence. Every
// other error becomes a server_error with err as its cause.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c Code
	if errors.As(err, &c) {
		return &Error{Code: c, Sentence: sentences[c], Cause: err}
	}
	return Wrap(ServerError, sentences[ServerError], err)
}

// FromStore converts an error of a store into an error for the caller. A Code,
// or an *Error of an edit function, is an answer of the store. FromStore
// returns it without the name of the operation, which the store has added.
// Every other error means that the store did not answer, and becomes
// temporarily_unavailable with that error as the cause.
func FromStore(err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var c Code
	if errors.As(err, &c) {
		return c
	}
	return Unavailable(err)
}

// sentences has the default sentence of each code.
//
//exhaustive:enforce
var sentences = map[Code]string{
	InvalidRequest:       "The request is malformed.",
	InvalidScope:         "The scope is not granted.",
	InvalidTarget:        "The audience is not allowed.",
	InvalidGrant:         "The login or token is not valid.",
	InvalidClient:        "Client authentication failed.",
	UnauthorizedClient:   "The client may not do this.",
	AccessDenied:         "Access is denied.",
	UnsupportedGrantType: "The grant type is not supported.",
	LoginRequired:        "There is no login, or it has ended.",
	SlowDown:             "Too many requests; try again later.",
	AlreadyExists:        "It already exists.",
	NotFound:             "Not found.",
	FailedPrecondition:   "The current state does not allow this.",
	ServerError:          "The issuer has an internal error.",

	TemporarilyUnavailable: "The issuer cannot answer at the moment; try again.",
}

// Refused returns an error of a category with its default sentence and a cause
// for the log. All logins and refreshes that the server refuses have the same
// response, because they use it.
func Refused(code Code, cause error) *Error { return Wrap(code, sentences[code], cause) }
