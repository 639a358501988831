package web

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/signetd/signet/internal/oauth"
)

// statusCodes is the HTTP column of the error table. The codes are in package
// oauth, and the gRPC column is in package rpc.
//
//exhaustive:enforce
var statusCodes = map[oauth.Code]int{
	oauth.InvalidRequest:         http.StatusBadRequest,
	oauth.InvalidScope:           http.StatusBadRequest,
	oauth.InvalidTarget:          http.StatusBadRequest,
	oauth.InvalidGrant:           http.StatusBadRequest,
	oauth.InvalidClient:          http.StatusUnauthorized,
	oauth.UnauthorizedClient:     http.StatusBadRequest,
	oauth.AccessDenied:           http.StatusForbidden,
	oauth.UnsupportedGrantType:   http.StatusBadRequest,
	oauth.LoginRequired:          http.StatusUnauthorized,
	oauth.SlowDown:               http.StatusTooManyRequests,
	oauth.TemporarilyUnavailable: http.StatusServiceUnavailable,
	oauth.AlreadyExists:          http.StatusConflict,
	oauth.NotFound:               http.StatusNotFound,
	oauth.FailedPrecondition:     http.StatusConflict,
	oauth.ServerError:            http.StatusInternalServerError,

	InvalidToken: http.StatusUnauthorized,
}

// challenge is the WWW-Authenticate header of a failed client authentication.
// It names Basic, because every client can use Basic (RFC 6749 §5.2,
// RFC 7617 §2).
const challenge = `Basic realm="signet", charset="UTF-8"`

// bearerChallenge is that of a request without a valid access token (RFC 6750
// §3).
const bearerChallenge = `Bearer realm="signet"`

// InvalidToken is the error code of a request whose access token does not
// authenticate a client (RFC 6750 §3.1). Only this API has it.
const InvalidToken oauth.Code = "invalid_token"

// writeError writes the error response for err (RFC 6749 §5.2) and adds the
// error and its cause to the log line of the request.
func writeError(ctx context.Context, w http.ResponseWriter, err error) {
	writeErrorWith(ctx, w, err, challenge)
}

// writeErrorWith is writeError with the challenges of an endpoint for the
// status 401. A client that has sent an access token gets another one.
func writeErrorWith(ctx context.Context, w http.ResponseWriter, err error, challenges ...string) {
	e := errorOf(ctx, err)
	status := statusOf(e.Code)
	switch {
	case e.Code == InvalidToken:
		w.Header().Set("WWW-Authenticate", bearerChallenge+`, error="invalid_token"`)
	case status == http.StatusUnauthorized:
		w.Header()["Www-Authenticate"] = challenges
	}
	writeErrorStatus(w, status, e)
}

// errorOf returns err as an error for the caller. If the time limit has passed
// or the caller has disconnected, the server is not at fault.
func errorOf(ctx context.Context, err error) *oauth.Error {
	e := oauth.AsError(err)
	if e.Code == oauth.ServerError && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
		return oauth.Unavailable(err)
	}
	return e
}

// statusOf returns the status of an error code.
func statusOf(code oauth.Code) int {
	if status, ok := statusCodes[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// writeErrorStatus writes an error response with that status, and adds the
// error to the log line of the request.
func writeErrorStatus(w http.ResponseWriter, status int, e *oauth.Error) {
	record(w, func(res *response) { res.err = e })
	header := w.Header()
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatFloat(wholeSeconds(e), 'f', 0, 64))
	}
	writeJSON(w, status, errorResponse{e.Code, e.Sentence})
}

// wholeSeconds returns the wait of an error for Retry-After (RFC 9110 §10.2.3).
// It rounds up, so that a limit has passed when the caller tries again. For
// temporarily_unavailable it rounds down: the retry of a refresh must arrive
// within the leeway, which may be a second or less.
func wholeSeconds(e *oauth.Error) float64 {
	if e.Code == oauth.TemporarilyUnavailable {
		return math.Floor(e.RetryAfter.Seconds())
	}
	return math.Ceil(e.RetryAfter.Seconds())
}

// An errorResponse is the body of an error response (RFC 6749 §5.2).
type errorResponse struct {
	Code     oauth.Code `json:"error"`
	Sentence string     `json:"error_description"`
}

// writeJSON writes a response in JSON. It panics if the response cannot be
// encoded, which no response type of this package allows.
func writeJSON(w http.ResponseWriter, status int, response any) {
	body, err := json.Marshal(response)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // an error means that the caller has disconnected
}
