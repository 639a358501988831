package browser

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// CheckerOptions configures a Checker. Every field is required, except where
// its comment says what nil means.
type CheckerOptions struct {
	Registry  *client.Registry
	Grants    *grant.Service
	Issuer    *issuer.Issuer
	Inspector *issuer.Inspector
	// FeedAge returns how long ago the last read of the revocation log began
	// that confirmed the table of revocations. nil means that nothing reads the
	// log.
	FeedAge func() time.Duration
	// Checked is called with the outcome of each check. nil means no observer.
	Checked func(outcome string)
}

// checkTimeout is the time limit of a check that waits for the store or for a
// signature. Some gateways have no limit of their own.
const checkTimeout = 2 * time.Second

// A Checker decides which requests a gateway passes on to a service, and with
// which access token. It holds the sessions that were checked last.
type Checker struct {
	o     CheckerOptions
	held  sessions
	ended recentEnds
}

// NewChecker returns a Checker that holds no sessions.
func NewChecker(o CheckerOptions) *Checker {
	if o.FeedAge == nil {
		o.FeedAge = func() time.Duration { return time.Hour }
	}
	if o.Checked == nil {
		o.Checked = func(string) {}
	}
	return &Checker{o: o, held: sessions{max: maxSessions}}
}

// Held returns the number of sessions that the Checker holds.
func (c *Checker) Held() int { return c.held.len() }

// The outcomes of checks.
const (
	// checkedSession means that the request passes with the access token of its
	// session.
	checkedSession = "session"
	// checkedToken means that the request passes with the access token that it
	// has itself.
	checkedToken = "token"
	// checkedNone means that the request passes without an access token.
	checkedNone = "none"
	// checkedLogin means that there is no login.
	checkedLogin = "login_required"
	// checkedForbidden means that the origin, the site or the audience is not
	// allowed.
	checkedForbidden = "forbidden"
	// checkedUnavailable means that the check could not be decided.
	checkedUnavailable = "unavailable"
)

// CheckOutcomes are the values that CheckerOptions.Checked gets.
var CheckOutcomes = []string{
	checkedSession, checkedToken, checkedNone, checkedLogin, checkedForbidden, checkedUnavailable,
}

var (
	errForeignHost = errors.New("no enabled client with a session cookie has this origin")
	errForgery     = errors.New("another site may have caused the request")
	errNoLogin     = errors.New("the request has neither a session cookie nor an access token")
)

// Check decides about a request. It lets a request pass only if it knows that
// the login is valid. It calls a login invalid only if it knows that, too:
// while the store is away, the verdict is 503.
func (c *Checker) Check(ctx context.Context, r CheckRequest) Verdict {
	v := c.check(ctx, r)
	c.o.Checked(v.outcome)
	return v
}

func (c *Checker) check(ctx context.Context, r CheckRequest) Verdict {
	at, err := c.o.Registry.Snapshot()
	if err != nil {
		return refusal("", err)
	}
	origin := requestOrigin(r.Proto, r.Host)
	app, ok := at.ByOrigin(origin)
	if !ok || app.Way() != client.WaySession || !app.DisabledAt.IsZero() {
		return refusal("", oauth.Refused(oauth.AccessDenied, errForeignHost))
	}
	audience := r.Audience
	if audience == DefaultAudience && len(app.Audiences) > 0 {
		audience = app.Audiences[0]
	}

	cookies := r.Header("Cookie")
	v := Verdict{Status: http.StatusOK, Cookie: StripCookies(cookies, origin)}
	if cookie := ReadCookie(cookies, CookieName(*app, origin)); cookie != "" {
		if mayBeForged(r, origin) {
			return refusal("", oauth.Refused(oauth.AccessDenied, errForgery))
		}
		v.outcome = checkedSession
		v.Authorization, err = c.bySession(ctx, at, *app, cookie, audience)
	} else {
		v.outcome = checkedToken
		v.Authorization, err = c.byToken(ctx, at, r.Header("Authorization"), audience)
	}

	switch {
	case err == nil:
		return v
	case r.Optional && errors.Is(err, oauth.InvalidGrant):
		v.outcome, v.Authorization = checkedNone, ""
		return v
	}
	return refusal(loginPage(*app, origin, r), err)
}

// byToken returns the Authorization header of a request without a session. It
// is that of the request itself, if it has a token of the issuer.
func (c *Checker) byToken(
	ctx context.Context, at *client.Snapshot, header []string, audience string,
) (authorization string, err error) {
	text, ok := oauth.ParseBearer(header)
	if !ok {
		return "", oauth.Refused(oauth.InvalidGrant, errNoLogin)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := c.o.Inspector.CheckPassed(ctx, at, text, audience); err != nil {
		return "", err
	}
	return "Bearer " + text, nil
}

// refusal returns the verdict for an error. page is where a user logs in, or
// empty if the request must not be redirected.
func refusal(page string, err error) Verdict {
	e := oauth.AsError(err)
	v := Verdict{Err: e}
	switch e.Code {
	case oauth.InvalidGrant:
		v.Status, v.outcome = http.StatusUnauthorized, checkedLogin
		if page != "" {
			v.Status, v.Location = http.StatusFound, page
		}
	case oauth.AccessDenied, oauth.InvalidTarget, oauth.InvalidScope, oauth.InvalidRequest:
		v.Status, v.outcome = http.StatusForbidden, checkedForbidden
	default:
		v.Status, v.outcome, v.RetryAfter = http.StatusServiceUnavailable, checkedUnavailable, e.RetryAfter
		v.RetryAfter = max(v.RetryAfter, time.Second)
	}
	return v
}
