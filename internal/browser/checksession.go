package browser

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// signTimeout bounds a signature.
const signTimeout = 2 * time.Second

var errInterrupted = errors.New("the signature was interrupted")

// bySession returns the Authorization header with the access token of the
// session in a cookie. It returns invalid_grant if there is no such session. A
// cookie that the issuer did not make reaches neither the held sessions nor the
// grants in the store.
func (c *Checker) bySession(
	ctx context.Context, at *client.Snapshot, app client.Client, cookie, audience string,
) (authorization string, err error) {
	opened, err := c.o.Grants.OpenSession(ctx, cookie)
	if err != nil {
		return "", err
	}
	id := opened.Handle.GrantID()
	if err := c.o.Inspector.CheckGrant(id); err != nil {
		return "", err
	}

	q := question{checker: c, at: at, app: app, session: c.held.get(id), audience: audience}
	access := q.heldAccess()
	if access == nil {
		if access, err = q.newAccess(ctx); err != nil {
			return "", err
		}
	}
	return access.Authorization, nil
}

// A question is which access token a request with a valid cookie gets.
type question struct {
	checker  *Checker
	at       *client.Snapshot
	app      client.Client
	session  *session
	audience string
}

// heldAccess returns the held access token, or nil if there is none, or none
// that may be used without a new copy of the grant.
func (q question) heldAccess() *issuer.SessionAccess {
	copied, touched, access := q.session.state(q.audience)
	if copied == nil || access == nil || !q.checker.isGood(copied) || !q.checker.o.Issuer.Reusable(q.at, access) {
		return nil
	}
	now := q.checker.o.Registry.Now()
	if copied.check(q.app, now, touched) != nil {
		return nil
	}
	q.checker.touch(q.session, copied, touched, now)
	return access
}

// newAccess returns an access token of a session whose copy is not good any
// more, or that has no token.
func (q question) newAccess(ctx context.Context) (*issuer.SessionAccess, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	s, began := q.session, time.Now()
	copied, readErr := q.checker.current(ctx, s, began.Add(-rowAge))
	access, err := q.attempt(ctx, copied, readErr)
	if !errors.Is(err, issuer.ErrRevoked) || !copied.readAt.Before(began) || s.isRefused(copied) {
		return access, err
	}

	// The grant may have ended since it was read.
	copied, readErr = q.checker.current(ctx, s, began)
	if readErr != nil {
		return nil, readErr
	}
	access, err = q.attempt(ctx, copied, nil)
	if errors.Is(err, issuer.ErrRevoked) {
		s.refuse(copied)
	}
	return access, err
}

// attempt returns an access token by a copy of the grant. readErr is the error
// if the store did not answer. Then the copy is an old one, or nil.
func (q question) attempt(ctx context.Context, copied *row, readErr error) (*issuer.SessionAccess, error) {
	if copied == nil {
		return nil, readErr
	}
	_, touched, access := q.session.state(q.audience)
	now := q.checker.o.Registry.Now()
	if err := copied.check(q.app, now, touched); err != nil {
		if readErr != nil { // the grant may have changed since
			return nil, readErr
		}
		return nil, err
	}
	if access == nil || !q.checker.o.Issuer.Reusable(q.at, access) {
		var err error
		if access, err = q.sign(ctx, copied, access); err != nil {
			return nil, err
		}
	}
	if readErr == nil {
		q.checker.touch(q.session, copied, touched, now)
	}
	return access, nil
}

// sign returns a new access token in place of old, which may be nil. Of
// concurrent questions about one session and audience, one signs. It goes on if
// the request that has begun it ends.
func (q question) sign(ctx context.Context, copied *row, old *issuer.SessionAccess) (*issuer.SessionAccess, error) {
	newer, signing, mine := q.session.beginSigning(q.audience, old)
	if newer != nil {
		return newer, nil
	}
	if !mine {
		select {
		case <-signing.done:
			return signing.access, signing.err
		case <-ctx.Done():
			return nil, oauth.Unavailable(ctx.Err())
		}
	}

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signTimeout)
	defer cancel()
	signing.err = oauth.Unavailable(errInterrupted) // after a panic
	defer q.session.endSigning(q.audience, signing)
	minted := copied.grant.RefreshMoment(copied.minted)
	signing.access, signing.err = q.checker.o.Issuer.SessionToken(
		ctx, q.at, q.app, copied.grant, q.audience, minted)
	return signing.access, signing.err
}
