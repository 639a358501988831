package grant

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// defaultTimeout is the timeout of a request without a deadline.
const defaultTimeout = 10 * time.Second

// A Rotation is the rotation of a grant for one refresh token, whose MAC is
// valid. Call Rotate, perhaps twice, and then End.
type Rotation struct {
	service *Service
	caller  client.Caller
	token   token.Refresh
	macKey  string
	secret  []byte
	// receivedAt is when the request was received, by the store's clock.
	receivedAt time.Time

	// passedAt is when the last attempt was passed to the store.
	passedAt time.Time

	key rotationKey
	// outcome is the last outcome, empty if the store has not decided.
	outcome Outcome
}

// ErrBeyondGrant is the cause of the error for a request that asks for more
// than the grant has.
var ErrBeyondGrant = errors.New("the request asks for more than the grant has")

// BeginRotation decodes a refresh token and verifies its MAC. It neither reads
// nor changes the grant. The idempotency key may be empty. BeginRotation
// returns invalid_grant for a token that the issuer did not make.
func (s *Service) BeginRotation(
	ctx context.Context, caller client.Caller, text, idempotencyKey string,
) (*Rotation, error) {
	r := &Rotation{service: s, caller: caller, receivedAt: s.o.Registry.Now()}
	var err error
	if r.macKey, r.secret, err = s.o.Keys.CurrentMAC(); err != nil {
		return nil, oauth.Unavailable(err)
	}
	if r.token, err = s.OpenToken(ctx, text); err != nil {
		s.o.Refreshed(openOutcome(err))
		return nil, err
	}
	r.key = s.unanswered.key(r.unansweredID(), idempotencyKey)
	return r, nil
}

func (r *Rotation) leeway() time.Duration { return r.service.o.Lifetimes.leeway(r.caller.Client) }

func (r *Rotation) unansweredID() unansweredID {
	return unansweredID{r.GrantID(), r.token.Generation, r.caller.Client.ID}
}

// openOutcome returns the outcome for an error of OpenToken.
func openOutcome(err error) Outcome {
	switch {
	case keys.IsUnusable(err):
		return UnknownKey
	case errors.Is(err, oauth.InvalidGrant):
		return Invalid
	}
	return Unavailable
}

// GrantID returns the id of the token's grant.
func (r *Rotation) GrantID() oauth.GrantID { return r.token.Handle.GrantID() }

// Grant reads the grant that Rotate will rotate. ok is false if Rotate will not
// rotate a grant, as far as the read shows. The scope, the audiences and the
// claims of a grant never change, so what is decided by them still holds when
// the grant is rotated.
func (r *Rotation) Grant(ctx context.Context) (g Grant, ok bool, err error) {
	g, err = r.service.Get(ctx, r.GrantID())
	if errors.Is(err, oauth.NotFound) {
		return g, false, nil
	}
	current := g.ClientID == r.caller.Client.ID && r.token.Generation >= g.Generation
	return g, err == nil && current && g.State(r.receivedAt) == StateActive, err
}

// Rotate rotates the grant for the caller, if all audiences of the grant are in
// audience. Otherwise the outcome is Unchecked, and the grant in the result is
// not changed. If the token was superseded, Rotate revokes the grant. It
// returns invalid_grant only as an answer of the store, never because the store
// is not available.
func (r *Rotation) Rotate(ctx context.Context, audience []string) (RefreshResult, error) {
	s := r.service
	result, attempt, err := r.decide(ctx, audience)
	if err != nil {
		result.Outcome = Unavailable
	}
	r.outcome = result.Outcome
	if r.outcome == Unchecked {
		return result, nil // End counts it, unless another call follows.
	}
	s.o.Refreshed(r.outcome)
	if err != nil {
		return RefreshResult{}, err
	}
	return result, s.o.conclude(ctx, r.caller, attempt, result)
}

// decide decides the request: by a read, if the grant was rotated just now, and
// otherwise by an attempt, which it also returns.
func (r *Rotation) decide(ctx context.Context, audience []string) (RefreshResult, RefreshAttempt, error) {
	g, ok, err := r.rotatedJustNow(ctx)
	if err != nil {
		return RefreshResult{}, RefreshAttempt{}, err
	}
	if ok {
		return answerCurrent(g, audience), RefreshAttempt{}, nil
	}
	a := r.attempt(ctx, audience)
	r.passedAt = a.ReceivedAt
	result, err := r.pass(ctx, a)
	return result, a, err
}

// Moment returns the moment of an access token of the grant that Rotate has
// returned, by the store's clock. See revocation.NewTokenID.
func (r *Rotation) Moment(g Grant) time.Time { return g.RefreshMoment(r.passedAt) }

// attempt returns the attempt for the store. It counts as received now: the
// leeway of the next request begins with the rotation. The time that this
// request has waited in the server counts neither against its own leeway nor
// against the idle lifetime.
func (r *Rotation) attempt(ctx context.Context, audience []string) RefreshAttempt {
	now := r.service.o.Registry.Now()
	waited := max(now.Sub(r.receivedAt), 0)
	leeway, window := r.leeway(), r.service.o.Lifetimes.retryWindow(r.caller.Client)
	if leeway > 0 {
		leeway += waited
	}
	if r.key.own {
		window = ownRetryWindow
	}
	return RefreshAttempt{
		Grant: r.GrantID(), ClientID: r.caller.Client.ID, Generation: r.token.Generation,
		KeyHash: r.key.hash, MACKey: r.macKey, ReceivedAt: now, Waited: waited, Deadline: deadline(ctx, now),
		Leeway: leeway, RetryWindow: window + waited, Audience: audience,
	}
}

// pass passes the attempt to the store, and once more if the store does not
// answer. The idempotency key makes the second call a retry of the first.
func (r *Rotation) pass(ctx context.Context, a RefreshAttempt) (RefreshResult, error) {
	ctx, done := r.service.o.Span(ctx, "store.refresh")
	defer done()
	result, err := r.service.o.Store.RefreshGrant(ctx, a)
	if err == nil {
		return result, nil
	}
	r.key.stays = true // the store may have rotated the grant
	if ctx.Err() == nil {
		r.service.o.Log.Warn("the store did not answer a refresh; retrying", "grant", a.Grant, "error", err)
		result, err = r.service.o.Store.RefreshGrant(ctx, a)
	}
	return result, oauth.FromStore(err)
}

// Token returns the refresh token of the grant as Rotate has returned it.
func (r *Rotation) Token(ctx context.Context, g Grant) (string, error) {
	if g.MACKey != r.macKey {
		return r.service.Token(ctx, g, r.token.Handle)
	}
	return encodeToken(g, r.token.Handle, r.secret)
}

// End ends a rotation. It gets the error of the request, or nil, and returns
// the error for the caller. If the client does not receive the successor
// although the grant may have been rotated, the client must try again, and the
// retry must not look like reuse:
//
//   - Every error after the rotation is temporarily_unavailable, with a retry
//     within the leeway. Only ErrBeyondGrant is a fault of the request.
//   - The key that the server has chosen for a request without one goes into
//     the table of unanswered keys.
func (r *Rotation) End(ctx context.Context, err error) error {
	rotated := r.outcome.Accepted()
	if r.key.own && (err != nil || !reachesClient(ctx)) && (rotated || r.key.stays) {
		r.service.unanswered.put(r.unansweredID(), r.key.hash)
	}

	switch unavailable := errors.Is(err, oauth.TemporarilyUnavailable); {
	case err == nil:
		return nil
	case r.outcome == "" && unavailable:
		r.service.o.Refreshed(Unavailable)
	case r.outcome == "", r.outcome == Unchecked: // refused by a check
		r.service.o.Refreshed(Unchecked)
	case rotated && !unavailable && !errors.Is(err, ErrBeyondGrant):
		err = oauth.Unavailable(err)
	}
	return retryWithinLeeway(err, r.leeway())
}

// minAnswerTime is the time that an answer needs to reach the client.
const minAnswerTime = 50 * time.Millisecond

// reachesClient reports whether the client probably receives an answer that is
// sent now. A client that has cancelled its call, or whose deadline passes,
// does not. After a pause of the process the context may not have ended yet.
func reachesClient(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(deadline) > minAnswerTime)
}

// retryWithinLeeway makes the retry of an unavailable server shorter than the
// leeway, if there is a leeway.
func retryWithinLeeway(err error, leeway time.Duration) error {
	e := oauth.AsError(err)
	if e.Code != oauth.TemporarilyUnavailable || leeway <= 0 || e.RetryAfter < leeway {
		return err
	}
	early := *e
	early.RetryAfter = leeway / 2
	return &early
}

// outcomeEvents are the audit events of the outcomes that have one.
var outcomeEvents = map[Outcome]string{
	Reused:  audit.RefreshReused,
	Ahead:   audit.RefreshAhead,
	Missing: audit.RefreshMissing,
}

// conclude audits a result that has an event. It returns an error unless the
// outcome is accepted.
func (o Options) conclude(ctx context.Context, caller client.Caller, a RefreshAttempt, r RefreshResult) error {
	if r.Outcome == Late {
		return oauth.Unavailable(context.DeadlineExceeded)
	}
	e := audit.Event{
		Name: outcomeEvents[r.Outcome], Subject: r.Grant.UserID, Grant: a.Grant.String(), Failed: !r.Outcome.Accepted(),
	}
	if r.LateRetry {
		e.Name, e.Age = audit.RefreshRepeated, a.ReceivedAt.Sub(r.Grant.RotatedAt)
	}
	if e.Name != "" {
		if err := o.record(ctx, caller, e); err != nil {
			return err
		}
	}
	if !r.Outcome.Accepted() {
		return oauth.Refused(oauth.InvalidGrant, errors.New(string(r.Outcome)))
	}
	return nil
}

// deadline returns the time, by the store's clock, after which the caller no
// longer waits for the response.
func deadline(ctx context.Context, receivedAt time.Time) time.Time {
	d, ok := ctx.Deadline()
	if !ok {
		return receivedAt.Add(defaultTimeout)
	}
	return receivedAt.Add(time.Until(d)).Truncate(time.Microsecond)
}
