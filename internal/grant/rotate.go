package grant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
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
// valid.
type Rotation struct {
	service    *Service
	snapshot   *client.Snapshot
	token      token.Refresh
	macKey     string
	receivedAt time.Time
}

// BeginRotation decodes a refresh token and verifies its MAC. It neither reads
// nor changes the grant. It returns invalid_grant for a token that the issuer
// did not make.
func (s *Service) BeginRotation(ctx context.Context, snapshot *client.Snapshot, text string) (*Rotation, error) {
	r := &Rotation{service: s, snapshot: snapshot, receivedAt: s.o.Registry.Now()}
	var err error
	if r.macKey, _, err = s.o.Keys.CurrentMAC(); err != nil {
		return nil, oauth.Unavailable(err)
	}
	if r.token, err = s.OpenToken(ctx, text); err != nil {
		s.o.Refreshed(openOutcome(err))
		return nil, err
	}
	return r, nil
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

// Handle returns the secret part of the refresh token.
func (r *Rotation) Handle() oauth.Handle { return r.token.Handle }

// Rotate rotates the grant for the caller and returns it. If the token was
// superseded, it revokes the grant. It returns invalid_grant only as an answer
// of the store, never because the store is not available.
func (r *Rotation) Rotate(ctx context.Context, caller client.Caller, idempotencyKey string) (Grant, error) {
	s := r.service
	a := RefreshAttempt{
		Grant: r.GrantID(), ClientID: caller.Client.ID, Generation: r.token.Generation,
		KeyHash: hashKey(idempotencyKey), MACKey: r.macKey, ReceivedAt: r.receivedAt,
		Deadline: deadline(ctx, r.receivedAt), Leeway: s.o.Lifetimes.leeway(caller.Client),
		RetryWindow: s.o.Lifetimes.retryWindow(caller.Client),
	}
	result, err := r.decide(ctx, a)
	if err != nil {
		s.o.Refreshed(Unavailable)
		return Grant{}, err
	}
	s.o.Refreshed(result.Outcome)
	return result.Grant, s.conclude(caller, a, result)
}

// decide passes the attempt to the store, and once more if the store does not
// answer. The idempotency key makes the second call a retry of the first.
func (r *Rotation) decide(ctx context.Context, a RefreshAttempt) (RefreshResult, error) {
	ctx, done := r.service.o.Span(ctx, "store.refresh")
	defer done()
	result, err := r.service.o.Store.RefreshGrant(ctx, a)
	if err != nil && ctx.Err() == nil {
		r.service.o.Log.Warn("the store did not answer a refresh; retrying", "grant", a.Grant, "error", err)
		result, err = r.service.o.Store.RefreshGrant(ctx, a)
	}
	if err == nil && result.Outcome == Unchecked {
		a.Audience = result.Grant.Audience
		result, err = r.service.o.Store.RefreshGrant(ctx, a)
	}
	return result, oauth.FromStore(err)
}

// outcomeEvents are the audit events of the outcomes that have one.
var outcomeEvents = map[Outcome]string{
	Reused:  audit.RefreshReused,
	Ahead:   audit.RefreshAhead,
	Missing: audit.RefreshMissing,
}

// conclude audits a result that has an event. It returns an error unless the
// outcome is accepted.
func (s *Service) conclude(caller client.Caller, a RefreshAttempt, r RefreshResult) error {
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
		if err := s.record(caller, e); err != nil {
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

// hashKey returns the hash of an idempotency key for the store. A request
// without one gets a random key, which serves the server's own retry and
// matches no other request.
func hashKey(key string) oauth.Digest {
	if key == "" {
		key = rand.Text()
	}
	sum := sha256.Sum256([]byte("signet idempotency key\x00" + key))
	return oauth.NewDigest(sum[:16])
}
