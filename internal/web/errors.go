package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/signetd/signet/internal/oauth"
)

// statusCodes is the HTTP column of the error table; the other columns are in internal/oauth and internal/rpc.
var statusCodes = map[oauth.Code]int{
	oauth.InvalidRequest:         http.StatusBadRequest,
	oauth.InvalidScope:           http.StatusBadRequest,
	oauth.InvalidTarget:          http.StatusBadRequest,
	oauth.UnsupportedTokenType:   http.StatusBadRequest,
	oauth.InvalidGrant:           http.StatusBadRequest,
	oauth.InvalidClient:          http.StatusUnauthorized,
	oauth.UnauthorizedClient:     http.StatusBadRequest,
	oauth.AccessDenied:           http.StatusForbidden,
	oauth.UnsupportedGrantType:   http.StatusBadRequest,
	oauth.SlowDown:               http.StatusTooManyRequests,
	oauth.TemporarilyUnavailable: http.StatusServiceUnavailable,
	oauth.AlreadyExists:          http.StatusConflict,
	oauth.NotFound:               http.StatusNotFound,
	oauth.FailedPrecondition:     http.StatusConflict,
	oauth.ServerError:            http.StatusInternalServerError,
}

// challenge names the way to authenticate that every client has (RFC 6749 §5.2, RFC 7617 §2).
const challenge = `Basic realm="signet", charset="UTF-8"`

// refuse writes what the caller is told of err (RFC 6749 §5.2), and notes the cause for the log.
func refuse(ctx context.Context, w http.ResponseWriter, err error) {
	e := oauth.AsError(err)
	// A time limit of our own, and a caller who gave up, are no fault of the server.
	if e.Code == oauth.ServerError && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
		e = oauth.Unavailable(err)
	}
	status, ok := statusCodes[e.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	level := slog.LevelInfo
	if e.Code == oauth.ServerError {
		level = slog.LevelError
	}
	note(w, level, e.Attrs()...)
	h := w.Header()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatFloat(math.Ceil(e.RetryAfter.Seconds()), 'f', 0, 64))
	}
	tell(w, status, failure{e.Code, e.Sentence})
}

// A failure is RFC 6749 §5.2.
type failure struct {
	Code     oauth.Code `json:"error"`
	Sentence string     `json:"error_description"`
}

// tell writes an answer in JSON.
func tell(w http.ResponseWriter, status int, answer any) {
	text, err := json.Marshal(answer)
	if err != nil { // our own answers always can be written
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who is not there any more cannot be told
}
