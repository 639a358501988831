package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Middleware returns a handler that calls next for requests with a valid access
// token that satisfies all rules. The context of the request has the claims;
// see From.
//
// The token is in the Authorization header field, with the scheme Bearer (RFC
// 6750 §2.1), and nowhere else. All other requests are answered as RFC 6750 §3
// and RFC 9470 §3 say:
//
//   - 401 without an error code if there is no token,
//   - 400 with invalid_request if there are several, or a malformed one,
//   - 401 with invalid_token for an ErrInvalid,
//   - 403 with insufficient_scope and the scope for an ErrScope,
//   - 401 with insufficient_user_authentication and max_age for an ErrOldLogin,
//   - 503 with Retry-After for an ErrUnavailable: the token may be valid.
//
// If Options.Resource is set, each challenge has the address of the document of
// Metadata (RFC 9728 §5.1).
func (v *Verifier) Middleware(next http.Handler, rules ...Rule) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := v.Authorize(r.Context(), r.Header.Values("Authorization"), rules...)
		if err != nil {
			v.refuse(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), claims)))
	})
}

// Authorize verifies the token in the values of the Authorization header field
// of a request, and then applies the rules. Middleware and the interceptors of
// package verifygrpc use it. Call it in the middleware of another framework,
// and answer its errors as Middleware does.
func (v *Verifier) Authorize(ctx context.Context, authorization []string, rules ...Rule) (*Claims, error) {
	token, err := bearer(authorization)
	if err != nil {
		return nil, err
	}
	claims, err := v.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	for _, rule := range rules {
		if err := rule(claims); err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// ErrNoToken is the error of Authorize for a request without an access token,
// and for one with several or a malformed one.
var ErrNoToken = errors.New("the request has no access token")

// errMalformed is an ErrNoToken of a request that is malformed.
var errMalformed = fmt.Errorf("%w: the Authorization header field is malformed", ErrNoToken)

// bearer returns the token in the Authorization header field.
func bearer(fields []string) (string, error) {
	if len(fields) == 0 {
		return "", ErrNoToken
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	token = strings.TrimLeft(token, " ")
	switch {
	case len(fields) > 1:
		return "", errMalformed
	case !strings.EqualFold(scheme, "Bearer"):
		return "", ErrNoToken // the credentials are for another protocol
	case !isToken68(token):
		return "", errMalformed
	}
	return token, nil
}

// isToken68 reports whether a token has the form of b64token (RFC 6750 §2.1).
func isToken68(token string) bool {
	token = strings.TrimRight(token, "=")
	return token != "" && !strings.ContainsFunc(token, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("-._~+/", r)
	})
}

// refuse answers a request that is refused for that reason.
func (v *Verifier) refuse(w http.ResponseWriter, reason error) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	if errors.Is(reason, ErrUnavailable) || errors.Is(reason, context.Canceled) ||
		errors.Is(reason, context.DeadlineExceeded) {
		header.Set("Retry-After", "1")
		http.Error(w, "tokens cannot be verified now", http.StatusServiceUnavailable)
		return
	}

	c := challengeFor(reason)
	value := `Bearer realm=` + quote(v.options.Audience) + c.parameters
	if v.options.Resource != "" {
		value += `, resource_metadata=` + quote(metadataURL(v.options.Resource))
	}
	header.Set("WWW-Authenticate", value)
	http.Error(w, c.description, c.status)
}

// A challenge is what a refused request is answered.
type challenge struct {
	status      int
	description string
	parameters  string // of WWW-Authenticate, after the realm
}

// challengeFor returns the challenge for a reason that is no ErrUnavailable.
func challengeFor(reason error) challenge {
	var needs insufficient
	if e := (*insufficient)(nil); errors.As(reason, &e) {
		needs = *e
	}
	switch {
	case errors.Is(reason, errMalformed):
		return newChallenge(http.StatusBadRequest, "invalid_request", "the Authorization header field is malformed")
	case errors.Is(reason, ErrNoToken): // no error code (RFC 6750 §3.1)
		return challenge{http.StatusUnauthorized, ErrNoToken.Error(), ""}
	case errors.Is(reason, ErrExpired):
		return newChallenge(http.StatusUnauthorized, "invalid_token", "the access token expired")
	case errors.Is(reason, ErrRevoked):
		return newChallenge(http.StatusUnauthorized, "invalid_token", "the access token was revoked")
	case errors.Is(reason, ErrInvalid):
		return newChallenge(http.StatusUnauthorized, "invalid_token", "the access token is invalid")
	case errors.Is(reason, ErrOldLogin):
		c := newChallenge(http.StatusUnauthorized, "insufficient_user_authentication",
			"a more recent authentication is required")
		if needs.maxAge > 0 {
			c.parameters += `, max_age="` + strconv.FormatInt(int64(needs.maxAge.Seconds()), 10) + `"`
		}
		return c
	}
	c := newChallenge(http.StatusForbidden, "insufficient_scope", "the request needs more than the access token allows")
	if needs.scope != "" {
		c.parameters += `, scope=` + quote(needs.scope)
	}
	return c
}

// newChallenge returns a challenge with an error code.
func newChallenge(status int, code, description string) challenge {
	return challenge{status, description, `, error="` + code + `", error_description="` + description + `"`}
}

// quote returns a quoted-string (RFC 9110 §5.6.4).
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
